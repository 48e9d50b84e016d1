import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as library from 'soap'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { soap, usernameToken } from '../../connectors/soap.ts'
import { sourceSchema, streamSchema } from '../../model/index.ts'
import { openConnection, openRest, readPages } from '../rest/index.ts'
import type { Connection } from '../rest/index.ts'
import { wide } from '../testing/reading.ts'
import { testServer, type TestServer } from '../testing/server.ts'
import { BASE, DOCUMENT, PERSON, RPC } from './testing/wsdls.ts'

const resolve = (v: unknown) => (typeof v === 'string' ? v : 'pass&<word')
/** What the soap library understood. */
const heard: { args: any; headers: any }[] = []
let project = ''
let orders: Server
let echo: TestServer
let answer: { status: number; body: string; type?: string } = { status: 200, body: '' }

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'isthmus-soap-'))
  await mkdir(join(project, 'wsdl/types'), { recursive: true })
  const files = { 'wsdl/rpc.wsdl': RPC, 'wsdl/people.wsdl': DOCUMENT.replace('$schema', 'types/person.xsd'), 'wsdl/types/person.xsd': PERSON, 'wsdl/base.xsd': BASE }
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text)
  orders = createServer()
  await new Promise<void>((done) => orders.listen(0, '127.0.0.1', done))
  const port = {
    put: (args: any) => ({ count: args.orders.item?.length ?? 0 }),
    list: () => ({ orders: { attributes: { 'xsi:type': 'soapenc:Array' }, item: [{ id: 1, total: '12345678901234567890.10' }, { id: 2, total: '0.30' }] } }),
  }
  const service = library.listen(orders, { path: '/orders', services: { S: { Port: port } }, xml: RPC })
  service.on('request', (request: any) => heard.push({ args: request.Body, headers: request.Header }))
  echo = await testServer((request, res) => {
    if (request.method === 'GET') {
      const file = files[request.path.slice(1) as keyof typeof files]
      res.writeHead(file ? 200 : 404, { 'content-type': 'text/xml' }).end(file ?? '')
    } else res.writeHead(answer.status, { 'content-type': answer.type ?? 'application/soap+xml; charset=utf-8' }).end(answer.body)
  })
})
afterAll(async () => {
  orders.close()
  await echo.close()
  await rm(project, { recursive: true, force: true })
})

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const connect = (wsdl: string, baseUrl: string, more = {}): Connection => openConnection({ source: sourceSchema.parse(soap({ wsdl, baseUrl, ...more }).stream('x', { operation: 'x' }).source), resolve, projectDir: project })
const people = (wsdl = 'wsdl/people.wsdl') => connect(wsdl, echo.url)
const put = (c: Connection, args: unknown) => c.soap!.request({ operation: 'putPerson', args, headers: null }, null)

test('RPC with SOAP encoding: the soap library understands the call with its arrays, and its answer is read as a list', async () => {
  const c = connect('wsdl/rpc.wsdl', urlOf(orders), { security: usernameToken({ username: 'me', password: { env: 'P' } }) })
  const made = await c.soap!.request({ operation: 'put', args: { orders: [{ total: '9.90', id: 1n, note: null }, { id: 2, total: 0.1, note: 'a<b' }], session: 's1' }, headers: null }, null)
  expect(made.headers).toMatchObject({ soapaction: '"urn:orders#put"', 'content-type': 'text/xml; charset=utf-8' })
  expect(made.body).toContain('>9.90<')
  expect(made.body).toMatch(/xmlns:(n\d)="urn:calls".*<\1:put /)
  const sent = await c.http.request({ url: `${urlOf(orders)}/orders`, method: 'POST', body: made.body, headers: made.headers })
  expect(await c.soap!.read('put', sent.body)).toMatchObject({ putResponse: { count: '2' } })
  const { args, headers } = heard.at(-1)!
  expect(args.put.session).toMatchObject({ $value: 's1' })
  expect(args.put.orders.item.map((o: any) => [o.id.$value, o.total.$value, o.note?.$value ?? null])).toEqual([[1, 9.9, null], [2, 0.1, 'a<b']])
  expect(headers.Security.UsernameToken).toMatchObject({ Username: 'me', Password: { $value: 'pass&<word' } })
  await c.close()
})

test('a stream of an RPC service is read, digits as they are', async () => {
  const { source, stream } = soap({ wsdl: 'wsdl/rpc.wsdl', baseUrl: urlOf(orders) }).stream('orders', { path: '/orders', operation: 'list', args: { session: 'x' }, records: 'listResponse.orders', key: 'id' })
  const reader = openRest({ source: sourceSchema.parse(source), stream: streamSchema.parse(stream), resolve, projectDir: project })
  const records: any[] = []
  const { stop } = await readPages({ reader, position: null, since: null, budget: wide, token: async () => null, pacer: null, signal: new AbortController().signal, onPage: async (p) => void records.push(...JSON.parse(p.body.toString()).listResponse.orders) })
  await reader.close()
  expect(stop).toEqual({ kind: 'done' })
  expect(records.map((r) => [r.id, r.total])).toEqual([['1', '12345678901234567890.10'], ['2', '0.30']])
})

test('document style, SOAP 1.2: order by the schema with what it extends, attributes, nil, lists; the action is in the content type', async () => {
  const c = people()
  const { body, headers } = await put(c, { born: null, tag: ['x', 'y'], '@kind': 'a"b', email: 'e', name: 'N', id: 7 })
  expect(headers['content-type']).toBe('application/soap+xml; charset=utf-8; action="urn:put"')
  expect(headers['soapaction']).toBeUndefined()
  expect(body).toContain('xmlns:soap="http://www.w3.org/2003/05/soap-envelope"')
  expect(/<soap:Body>(.*)<\/soap:Body>/.exec(body)![1]!.replaceAll(/n\d:/g, '')).toBe('<putPerson kind="a&#34;b"><id>7</id><name>N</name><email>e</email><tag>x</tag><tag>y</tag><born xsi:nil="true"/></putPerson>')
})

test('no text becomes markup, as the soap library sees it', async () => {
  const c = connect('wsdl/rpc.wsdl', urlOf(orders))
  for (const session of ['</session><session>admin', '<![CDATA[x]]>&lt;&xxe;&#65;', ']]>', '" onclick="', "it's", '<!--', '{cursor}', 'a\tb\nc']) {
    const made = await c.soap!.request({ operation: 'put', args: { session, orders: [] }, headers: null }, null)
    await c.http.request({ url: `${urlOf(orders)}/orders`, method: 'POST', body: made.body, headers: made.headers })
    expect(heard.at(-1)!.args.put.session.$value).toBe(session)
    expect(Object.keys(heard.at(-1)!.args.put)).toEqual(['attributes', 'session', 'orders'])
  }
})

test.each([
  ['a name of an element', { 'name><evil': 'x' }, /no `name><evil`/],
  ['a name of an attribute', { '@kind="" evil': 'x' }, /cannot be the name/],
  ['raw XML by a key of the library', { $xml: '<evil/>' }, /no `\$xml`/],
  ['a control character', { name: 'a\u0000b' }, /control character/],
  ['half of a character', { name: 'a\ud800b' }, /control character/],
])('is refused: %s', async (_, args, outcome) => {
  await expect(put(people(), args)).rejects.toMatchObject({ type: 'InvalidInput', message: expect.stringMatching(outcome), field: expect.stringMatching(/^from\.soap\.args\./) })
})

test('what does not fit the WSDL is told before a request is sent', async () => {
  const c = people()
  await expect(put(c, { nam: 'x' })).rejects.toMatchObject({ type: 'InvalidInput', field: 'from.soap.args.nam', cure: expect.stringContaining('name') })
  await expect(put(c, { name: ['a', 'b'] })).rejects.toMatchObject({ message: expect.stringContaining('list of 2') })
  await expect(put(c, { name: { first: 'x' } })).rejects.toMatchObject({ field: 'from.soap.args.name.first' })
  await expect(put(c, { name: null })).rejects.toMatchObject({ field: 'from.soap.args.name' })
  await expect(c.soap!.request({ operation: 'putPersons', args: {}, headers: null }, null)).rejects.toMatchObject({ field: 'from.soap.operation', cure: 'use one of: putPerson' })
})

test('a WSDL is had from an address with its schemas, also those above it; only at the connection\'s origins', async () => {
  const c = people(`${echo.url}/wsdl/people.wsdl`)
  await Promise.all([put(c, { name: 'x' }), put(c, { name: 'y' }), put(people(`${echo.url}/wsdl/people.wsdl`), { name: 'z' })])
  expect(echo.seen.filter((s) => s.method === 'GET').map((s) => s.path)).toEqual(['/wsdl/people.wsdl', '/wsdl/types/person.xsd', '/wsdl/base.xsd'])
  await expect(put(people(`${urlOf(orders)}/orders?wsdl`), {})).rejects.toMatchObject({ type: 'ForeignOrigin' })
  await expect(put(people(`${echo.url}/nothing`), {})).rejects.toMatchObject({ type: 'InvalidInput', field: 'from.soap.wsdl' })
})

test.each([
  ['a path above the project', '../outside.wsdl'],
  ['an absolute path', '/etc/passwd'],
  ['an address of a file', 'file:///etc/passwd'],
  ['a link that leads out', 'link.wsdl'],
  ['a schema above the project', null, '../../../outside.xsd'],
  ['a schema of the machine', null, 'file:///etc/passwd'],
  ['a schema by its encoded path', null, '..%2f..%2f..%2foutside.xsd'],
  ['a schema of another host', null, 'http://127.0.0.1:1/person.xsd'],
])('nothing outside is read: %s', async (_, wsdl, schema?) => {
  await symlink('/etc/hostname', join(project, 'link.wsdl')).catch(() => {})
  if (schema) await writeFile(join(project, 'wsdl/bad.wsdl'), DOCUMENT.replace('$schema', schema))
  await expect(put(people(wsdl ?? 'wsdl/bad.wsdl'), {})).rejects.toMatchObject({ type: expect.stringMatching(/InvalidInput|ForeignOrigin/), field: 'from.soap.wsdl' })
})

test.each([
  ['a fault in a 500', 500, '<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>m:NoSuchPerson</env:Value></env:Subcode></env:Code><env:Reason><env:Text xml:lang="en">no such person</env:Text></env:Reason></env:Fault>', 'refused', /no such person/],
  ['a fault in a 200', 200, '<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value xmlns:wsse="x">wsse:FailedAuthentication</env:Value></env:Subcode></env:Code><env:Reason><env:Text xml:lang="en">who are you</env:Text></env:Reason></env:Fault>', 'refused', /who are you/],
  ['a fault without envelope details in a 400', 400, '<env:Fault><faultcode>x:INVALID_QUERY_LOCATOR</faultcode><faultstring>gone</faultstring></env:Fault>', 'positionLost', /gone/],
])('%s ends in the right state', async (_, status, content, kind, reason) => {
  answer = { status, body: `<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Body>${content}</env:Body></env:Envelope>` }
  const { source, stream } = soap({ wsdl: 'wsdl/people.wsdl', baseUrl: echo.url }).stream('p', { operation: 'putPerson', args: { name: 'x' }, records: 'putPersonResponse.list' })
  const reader = openRest({ source: sourceSchema.parse(source), stream: streamSchema.parse(stream), resolve, projectDir: project })
  const { stop } = await readPages({ reader, position: null, since: null, budget: wide, token: async () => null, pacer: null, signal: new AbortController().signal, onPage: async () => {} })
  await reader.close()
  expect(stop).toMatchObject({ kind, reason: expect.stringMatching(reason) })
})

test('parts that refer to others by id are put in their place', async () => {
  const c = connect('wsdl/rpc.wsdl', urlOf(orders))
  const body = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:o="urn:orders"><e:Body><listResponse><orders href="#id0"/></listResponse>
    <multiRef id="id0"><item href="#id1"/></multiRef><multiRef id="id1" xsi:type="o:order"><id>1</id><note xsi:nil="1"/></multiRef></e:Body></e:Envelope>`
  expect(await c.soap!.read('list', Buffer.from(body))).toEqual({ listResponse: { orders: [{ '@xsi:type': 'order', id: '1', note: null }] } })
})
