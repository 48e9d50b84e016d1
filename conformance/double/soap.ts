import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { basePath } from '../account.ts'
import { createData } from './data.ts'
import type { Asked, Double, DoubleOptions } from './double.ts'
import { fromText, type Found } from './extract.ts'
import type { Made } from './records.ts'

/** Answers an operation: arguments in, what its answer holds out. Throws `{ Fault }`. */
export type Operation = (args: Made) => Made

/**
 * Starts a server that the `soap` library makes of a WSDL. `operations` are those of the port that is called. Throws what the library says of the WSDL.
 * @param wsdl A file, or the text itself.
 */
export async function listenSoap(wsdl: string, path: string, operations: Record<string, Operation>): Promise<{ url: string; close(): Promise<void> }> {
  const { default: library } = await import('soap')
  const isText = wsdl.includes('<')
  const xml = isText ? wsdl : await readFile(wsdl, 'utf8')
  const server = createServer((_req, res) => void res.writeHead(404).end())
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const handlers = Object.fromEntries(Object.entries(operations).map(([name, answer]) => [name, (args: unknown) => written(answer(plain(args) as Made))]))
  // Whatever service and port the library finds: a call is known by its operation.
  const any: unknown = new Proxy({}, { get: (_t, name) => (name === 'then' ? undefined : new Proxy(handlers, { get: (all, operation) => all[String(operation)] })) })
  const services: unknown = new Proxy({}, { get: () => any })
  await new Promise<void>((done, fail) => {
    library.listen(server, { path: path === '' ? '/' : path, services: services as never, xml, ...(isText ? {} : { uri: resolve(wsdl) }), suppressStack: true, callback: (error: unknown) => (error ? fail(error as Error) : done()) } as never)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

/** A SOAP service that does what a stream's description says: its operations answer with records at the paths that it names. */
export async function startSoap(options: DoubleOptions & { wsdl: string }): Promise<Double> {
  const { source, stream, wsdl } = options
  const data = createData(options)
  let url = ''
  // A locator or search goes on with what it began with.
  let begun: Found = {}
  const calls = [{ of: stream, call: stream.soap! }, ...(stream.more?.soap ? [{ of: stream, call: stream.more.soap }] : []), ...(data.parents ? [{ of: data.parents.stream, call: data.parents.stream.soap! }] : [])]
  const answer = (operation: string) => (args: Made): Made => {
    const fitting = calls.flatMap(({ of, call }) => (call?.operation === operation ? [{ of, found: argsFound(call.args, args) }] : []))
    // The one that says where to go on, when two are the same operation.
    const one = fitting.find(({ found }) => found?.['cursor'] !== undefined || found?.['page'] !== undefined || found?.['offset'] !== undefined) ?? fitting.find(({ found }) => found !== null)
    if (!one) throw fault('Client', `the description makes no such call of ${operation}`)
    const asked: Asked = { method: 'POST', path: '', query: new URLSearchParams(), headers: {}, body: args }
    if (operation === stream.soap!.operation) begun = one.found!
    const found = operation === stream.more?.soap?.operation ? { ...begun, ...one.found } : one.found!
    const list = one.of === stream ? data.matching(found) : data.parents!.records
    const page = data.page(asked, found, one.of, list, url)
    if (page === null) throw fault('Client', 'INVALID_QUERY_LOCATOR: the place to go on from is not known')
    // The library writes the element of the answer itself.
    return Object.values(page.body as Made)[0] as Made
  }
  const names = [...new Set(calls.flatMap(({ call }) => call?.operation ?? []))]
  const server = await listenSoap(wsdl, `${basePath(source)}${stream.path}`, Object.fromEntries(names.map((name) => [name, answer(name)])))
  url = server.url
  return { ...server, keys: data.keys, since: data.since }
}

/** A fault as the library throws it. */
export function fault(code: string, text: string): Error {
  return Object.assign(new Error(text), { Fault: { faultcode: `soap:${code}`, faultstring: text } })
}

/** Values of placeholders in arguments; null when the call is another one. What the template lacks may be there. */
export function argsFound(template: unknown, value: unknown): Found | null {
  if (typeof template === 'string') {
    if (value === undefined || value === null || value === '') return /^\{[^{}]+\}$/.test(template) || template === '' ? {} : null
    return typeof value === 'object' ? argsFound(template, (value as Made)['#text']) : fromText(template, String(value))
  }
  if (template === null || typeof template !== 'object') return {}
  const given = (Array.isArray(template) ? [value].flat() : value) as Made | null | undefined
  let found: Found = {}
  for (const [name, part] of Object.entries(template)) {
    if (name === '@xsi:type') continue
    const inner = argsFound(part, given?.[name])
    if (inner === null) return null
    found = { ...found, ...inner }
  }
  return found
}

/** Arguments as the plan writes them: `@name` for attributes, times as text. */
export function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  const { attributes = {}, $value, ...rest } = value as { attributes?: Made; $value?: unknown } & Made
  const inner = Object.fromEntries(Object.entries(rest).map(([name, v]) => [name.replace(/^.*:/, ''), plain(v)]))
  const own = Object.fromEntries(Object.entries(attributes).filter(([name]) => !name.startsWith('xmlns')).map(([name, v]) => [`@${name}`, v]))
  if ($value === undefined) return { ...own, ...inner }
  return Object.keys(own).some((name) => name !== '@xsi:type') ? { ...own, '#text': plain($value) } : plain($value)
}

/** An answer as the library writes it. */
function written(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(written)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value)
  const attributes = Object.fromEntries(entries.filter(([name]) => name.startsWith('@')).map(([name, v]) => [name.slice(1), String(v)]))
  return { ...(Object.keys(attributes).length > 0 && { attributes }), ...Object.fromEntries(entries.flatMap(([name, v]) => (name.startsWith('@') ? [] : [[name === '#text' ? '$value' : name, written(v)]]))) }
}
