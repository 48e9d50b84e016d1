import { fieldIncrementOf, pathKeys } from '../../model/index.ts'
import type { Stream } from '../../model/index.ts'
import { basePath } from '../account.ts'
import { listen } from '../listen.ts'
import { createData } from './data.ts'
import type { Double, DoubleOptions } from './double.ts'
import { textAt } from './extract.ts'
import { compileFilter } from './filter.ts'
import { put, type Made } from './records.ts'

type Reply = { status: number; body: unknown; headers?: Record<string, string> }

/** System query options that are answered; others have to be refused (OData 4.01 protocol: 9.3.1). */
const OPTIONS = new Set(['$filter', '$select', '$expand', '$orderby', '$top', '$skip', '$skiptoken', '$deltatoken', '$count', '$inlinecount', '$format', '$search', '$apply'])

/** A stream reads an entity set as `odata(...).entity` does. */
export function isEntitySet({ method, records, page, parent, window, job, path }: Stream): boolean {
  const at = pathKeys(records).join('.')
  return method === 'GET' && (at === 'value' || at === 'd.results') && !parent && !window && !job && !path.includes('{') && (page.kind === 'nextUrl' || (page.kind === 'offset' && page.param === '$skip'))
}

/** A service of OData 2 or 4 with one entity set, written from the OASIS and Microsoft specifications. */
export async function startOdata(options: DoubleOptions): Promise<Double> {
  const { source, stream, pageSize, quirks } = options
  const v2 = pathKeys(stream.records)[0] === 'd'
  const data = createData(options)
  const path = `${basePath(source)}/${stream.path.split('?')[0]!.replace(/^\//, '')}`
  const set = stream.path.split('?')[0]!.replace(/^\//, '')
  const increment = fieldIncrementOf(stream)
  const middle = Math.floor(data.own.length / 2)
  const all = data.own.map((record): Made => {
    const made = structuredClone(record)
    if (v2 && increment?.expression.includes('datetime')) put(made, increment.field, `/Date(${Date.parse(textAt(record, pathKeys(increment.field).join('.'))!)})/`)
    return made
  })

  const shaped = (record: Made, select: string[], origin: string): Made => {
    const key = stream.key.map((k) => textAt(record, pathKeys(k).join('.'))).join(',')
    const entries = select.length === 0 ? Object.entries(record) : select.map((name): [string, unknown] => [name, record[name] ?? `${name} of <Söhne>`])
    const about = v2 ? { __metadata: { uri: `${origin}${path}('${key}')`, type: `Shop.${set}`, etag: `W/"${key}"` } } : { '@odata.etag': `W/"${key}"` }
    return { ...about, ...Object.fromEntries(entries.filter(([name]) => name !== '*')) }
  }

  const read = (query: URLSearchParams, prefer: string, origin: string): Reply => {
    const unknown = [...query.keys()].find((k) => k.startsWith('$') && !OPTIONS.has(k))
    if (unknown) return refusal(v2 ? 400 : 501, `the system query option ${unknown} is not supported`)
    let list = query.has('$deltatoken') ? all.slice(middle) : all
    const filter = query.get('$filter')
    try {
      if (filter !== null) list = list.filter(compileFilter(filter))
    } catch (error) {
      return refusal(400, (error as Error).message)
    }
    const count = list.length
    const top = query.get('$top')
    const skip = Number(query.get('$skip') ?? 0)
    const asked = Number(/odata\.maxpagesize=(\d+)/.exec(prefer)?.[1] ?? pageSize)
    const size = top === null ? Math.min(asked, pageSize) : Number(top)
    const token = query.get('$skiptoken')
    const place = /^([cm])(\d+)$/.exec(token ?? `c${skip}`)
    if (!place) return refusal(400, `the $skiptoken ${token} is not known (invalid cursor)`)
    const start = Number(place[2])
    const nth = Math.floor(start / size)
    const empty = quirks.emptyPage === nth && place[1] === 'c' && top === null
    const part = empty ? [] : list.slice(start, start + size)
    const end = start + part.length
    const stuck = quirks.repeatFrom !== undefined && nth >= quirks.repeatFrom && top === null
    const more = top === null && (empty || stuck || end < count)
    const select = (query.get('$select') ?? '').split(',').filter((s) => s !== '')
    const records = part.map((r) => shaped(r, select, origin))
    const counted = v2 ? query.get('$inlinecount') === 'allpages' : query.get('$count') === 'true'
    const lead = (name: string, value: string): string => {
      const next = new URLSearchParams(query)
      for (const gone of ['$skip', '$skiptoken']) next.delete(gone)
      next.set(name, value)
      // Relative to what was asked is as good (OData 4.01 JSON: 4.6.1); the first is absolute.
      return `${nth % 2 === 0 || v2 ? `${origin}${path}` : path.split('/').at(-1)!}?${next}`
    }
    const next = more ? lead('$skiptoken', `${empty ? 'm' : 'c'}${stuck ? quirks.repeatFrom! * size : end}`) : undefined
    const delta = !more && /odata\.track-changes/.test(prefer) ? lead('$deltatoken', 'd2') : undefined
    if (v2) return { status: 200, body: { d: { results: records, ...(counted && { __count: String(count) }), ...(next && { __next: next }) } } }
    return { status: 200, body: { '@odata.context': `${origin}${basePath(source)}/$metadata#${set}`, ...(counted && { '@odata.count': count }), value: records, ...(next && { '@odata.nextLink': next }), ...(delta && { '@odata.deltaLink': delta }) }, ...(delta && { headers: { 'preference-applied': 'odata.track-changes' } }) }
  }

  const refusal = (status: number, message: string): Reply => ({ status, body: { error: v2 ? { code: 'SHOP/001', message: { lang: 'en', value: message } } : { code: 'BadRequest', message } } })

  const server = await listen((req, _body, res) => {
    const url = new URL(req.url!, `http://${req.headers.host}`)
    const json = !v2 || url.searchParams.get('$format') === 'json' || /json/.test(req.headers.accept ?? '')
    const { status, body, headers } = req.method !== 'GET' ? refusal(405, 'the double is read only') : decodeURIComponent(url.pathname) !== path ? refusal(404, `there is no ${url.pathname}`) : !json ? refusal(415, 'ask for $format=json') : read(url.searchParams, String(req.headers['prefer'] ?? ''), url.origin)
    res.writeHead(status, { 'content-type': v2 ? 'application/json;charset=utf-8' : 'application/json;odata.metadata=minimal', ...(v2 ? { dataserviceversion: '2.0' } : { 'odata-version': '4.0' }), ...headers })
    res.end(JSON.stringify(body))
  })
  const delta = stream.incremental?.kind === 'token' ? { bound: `${path.split('/').at(-1)!}?$deltatoken=d1`, keys: data.keys.slice(middle) } : null
  return { ...server, keys: data.keys, since: delta ?? data.since }
}
