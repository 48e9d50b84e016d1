import { writeBody } from '../double/write.ts'
import { bodyOf, listen } from '../listen.ts'
import { match, pathOf } from './read.ts'
import { createTaker, keyInBody, type Reply } from './taker.ts'
import type { Sink, SinkOptions } from './types.ts'

type Asked = { method: string; url: URL; headers: Record<string, string | string[] | undefined>; text: string }

/** An API over HTTP that does what an action's description says. */
export async function startSink(options: SinkOptions): Promise<Sink> {
  const { source, action } = options
  const taker = createTaker(options)
  const answer = ({ method, url, headers, text }: Asked): Reply & { looked?: boolean } => {
    const path = url.pathname
    const body = bodyOf(text, String(headers['content-type'] ?? ''))
    const looked = action.lookup && method === action.lookup.method && match(source, action.lookup.path, path, action.lookup.query, url.searchParams, action.lookup.body, body)
    if (looked && (method !== action.method || path !== pathOf(source, action.path))) return { ...taker.look(looked), looked: true }
    const address = method === action.method ? match(source, action.path, path, action.query, url.searchParams, null, null) : null
    if (address === null) return { status: 404, value: { error: 'the description makes no such request' }, looked: true }
    const { header, query } = action.idempotency ?? {}
    const given = header !== undefined ? headers[header.toLowerCase()] : query !== undefined ? url.searchParams.get(query) : keyInBody(action, body)
    return taker.act({ method, address, body, given: typeof given === 'string' ? given : null })
  }
  const server = await listen((req, body, res) => {
    const { status, value, looked = false } = answer({ method: req.method!, url: new URL(req.url!, 'http://x'), headers: req.headers, text: body.toString() })
    const { text, type } = looked || action.format.kind === 'json' || Array.isArray(value) ? { text: JSON.stringify(value), type: 'application/json' } : writeBody(action.format, { answer: value })
    res.writeHead(status, { 'content-type': type })
    res.end(text)
  })
  return { ...server, effects: taker.effects }
}
