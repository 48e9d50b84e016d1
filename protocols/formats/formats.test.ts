import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { XMLBuilder, XMLParser } from 'fast-xml-parser'
import Papa from 'papaparse'
import { describe, expect, it } from 'vitest'
import { streamSchema } from '../../model/index.ts'
import type { FormatInput } from '../../model/index.ts'
import { exactNumber } from '../../model/json/index.ts'
import { reading } from '../testing/reading.ts'
import { testServer } from '../testing/server.ts'
import { createDecoder, encodeBody, toUtf8 } from './index.ts'

const decode = (format: FormatInput, body: string | Buffer, records: string | string[] = ''): any => createDecoder(streamSchema.parse({ name: 'x', format, records }))(Buffer.from(body as string))
/** Type of the error that a body ends in, and how long it took to find out. */
const refusal = (format: FormatInput, body: string | Buffer): { type: string; message: string; ms: number } => {
  const began = performance.now()
  try {
    decode(format, body)
  } catch (error) {
    return { type: (error as { type: string }).type, message: (error as Error).message, ms: performance.now() - began }
  }
  return { type: 'taken', message: '', ms: 0 }
}

describe('XML', () => {
  it('reads attributes, texts, CDATA, entities, namespaces and nil', () => {
    const body = `<?xml version="1.0"?><!-- c --><n:r xmlns:n="urn:n" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
      <n:i n:id="1">a &amp; &#x20AC;&#8364;</n:i> <i><![CDATA[ <x> ]]></i> <i xsi:nil="true"/>
      <p>
        Main street 1
      </p><q> kept </q><e/><s> </s></n:r>`
    expect(decode('xml', body)).toEqual({ r: { i: [{ '@id': '1', '#text': 'a & €€' }, ' <x> ', null], p: 'Main street 1', q: ' kept ', e: '', s: '' } })
    expect(decode({ kind: 'xml', namespaces: 'keep', attributes: '_', text: '$' }, '<n:r xmlns:n="u" a="1">x</n:r>')).toEqual({ 'n:r': { '_xmlns:n': 'u', _a: '1', $: 'x' } })
  })

  it.each([
    ['<r><items><item>1</item></items></r>', ['1']],
    ['<r><items><item>1</item><item>2</item></items></r>', ['1', '2']],
    ['<r><items/></r>', []],
    ['<r><items></items></r>', []],
    ['<r><items>\n</items></r>', []],
    ['<r><items><total>0</total></items></r>', []],
    ['<r><items><item/></items></r>', []],
  ])('records are a list: %s', (body, expected) => {
    expect(decode('xml', body, 'r.items.item').r.items.item).toEqual(expected)
  })

  it('an error in place of the records is no empty list; declared lists are lists', () => {
    expect(decode('xml', '<r><error>no</error></r>', 'r.item').r).toEqual({ error: 'no' })
    expect(decode({ kind: 'xml', lists: ['line', 'r.i.tags.tag'] }, '<r><i><line>1</line><tags/></i><i><tags><tag>x</tag></tags></i></r>', 'r.i')).toEqual({ r: { i: [{ line: ['1'], tags: { tag: [] } }, { tags: { tag: ['x'] } }] } })
    expect(decode('xml', '<r><g><i>1</i></g></r>', 'r.g.*.i')).toEqual({ r: { g: [{ i: ['1'] }] } })
    expect(() => decode('xml', '<n:r/>', 'n:r')).toThrow(/prefixes are left out/)
  })

  it('names of the prototype are names like any other', () => {
    const value = decode('xml', '<r><__proto__ constructor="x">1</__proto__><toString>2</toString></r>')
    expect(Object.getPrototypeOf(value.r)).toBe(Object.prototype)
    expect(Object.entries(value.r)).toEqual([['__proto__', { '@constructor': 'x', '#text': '1' }], ['toString', '2']])
  })

  const laughs = `<!DOCTYPE l [<!ENTITY a "lol">${Array.from({ length: 9 }, (_, i) => `<!ENTITY ${'abcdefghij'[i + 1]} "${`&${'abcdefghij'[i]};`.repeat(10)}">`).join('')}]><l>&j;</l>`
  it.each([
    ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', 'Contract'],
    ['a parameter entity', '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;]><a/>', 'Contract'],
    ['entities of an external DTD', '<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a>&x;</a>', 'Contract'],
    ['entities that multiply', laughs, 'Contract'],
    ['a large entity used often', `<!DOCTYPE a [<!ENTITY x "${'x'.repeat(100_000)}">]><a>${'&x;'.repeat(100_000)}</a>`, 'Contract'],
    ['100,000 levels', '<a>'.repeat(100_000) + '</a>'.repeat(100_000), 'PageTooLarge'],
    ['many attributes', `<a ${Array.from({ length: 50_000 }, (_, i) => `a${i}="1"`).join(' ')}/>`, 'PageTooLarge'],
    ['a long text that does not end', `<a>${'&amp;'.repeat(200_000)}`, 'Contract'],
    ['a cut body', '<r><i>1</i><i>2', 'Contract'],
    ['tags that do not match', '<r><a></b></r>', 'Contract'],
    ['something behind the end', '<r/>{}', 'Contract'],
    ['two roots', '<r/><r/>', 'Contract'],
    ['control characters', '<r>\u0001</r>', 'Contract'],
    ['attributes without quotes', '<r a=1/>', 'Contract'],
    ['nothing', '', 'Contract'],
  ])('refuses %s', (_what, body, type) => {
    const found = refusal('xml', body)
    expect(found).toMatchObject({ type })
    expect(found.ms).toBeLessThan(2000)
  })

  it('passes over a DOCTYPE that declares nothing', () => {
    expect(decode('xml', '<!DOCTYPE html PUBLIC "-//W3C//DTD" "http://127.0.0.1/x.dtd"><r>1</r>')).toEqual({ r: '1' })
    expect(decode('xml', '<r><![CDATA[<!DOCTYPE a [ <!ENTITY x "y"> ]>]]></r>')).toEqual({ r: '<!DOCTYPE a [ <!ENTITY x "y"> ]>' })
  })

  const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,6}$/)
  const text = fc.stringMatching(/^[a-zäé€&<>"'\]x]{1,8}$/)
  const leaf = fc.oneof(text, fc.dictionary(name.map((n) => `@${n}`), text, { minKeys: 1, maxKeys: 2 }))
  const tree = fc.dictionary(name, fc.oneof(leaf, fc.array(leaf, { minLength: 2, maxLength: 3 }), fc.dictionary(name, leaf, { minKeys: 1, maxKeys: 2 })), { minKeys: 1, maxKeys: 4 })
  it('reads what another library writes, and writes what it reads', () => {
    const builder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: '@', suppressBooleanAttributes: false })
    const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '@', parseTagValue: false, trimValues: false })
    fc.assert(fc.property(tree, (t) => {
      expect(decode('xml', builder.build({ root: t }) as string)).toEqual({ root: t })
      expect((parser.parse(encodeBody('xml', { root: t }).body) as { root: unknown }).root).toEqual(t)
    }), { numRuns: 100 })
  })
})

describe('CSV', () => {
  it('reads RFC 4180: quotes, line breaks inside, every line end, a byte order mark', () => {
    expect(decode('csv', '\ufeffid,name\r\n1,"a\r\nb, ""c"""\n2,\r3,x')).toEqual([{ id: '1', name: 'a\r\nb, "c"' }, { id: '2', name: '' }, { id: '3', name: 'x' }])
    expect(decode('csv', 'id\n1\n2\n')).toEqual([{ id: '1' }, { id: '2' }])
    expect(decode({ kind: 'csv', delimiter: ';', skip: 2 }, 'made by,me\r\n\r\nid;n\r\n1;2')).toEqual([{ id: '1', n: '2' }])
    expect(decode({ kind: 'csv', header: false }, '1,2\n3,4')).toEqual([{ c1: '1', c2: '2' }, { c1: '3', c2: '4' }])
    expect(decode({ kind: 'csv', columns: ['a', 'b'] }, 'x,x\n3,4')).toEqual([{ a: '3', b: '4' }])
    expect(Object.entries(decode('csv', '__proto__,\n1,2')[0])).toEqual([['__proto__', '1'], ['c2', '2']])
    for (const empty of ['', '\ufeff', '\r\n', 'id,name\n']) expect(decode('csv', empty)).toEqual([])
  })

  it.each([
    ['too few cells', 'a,b\n"1\n",2\n1\n', /line 4.*cells/],
    ['too many cells', 'a,b\n1,2,3\n', /line 2.*cells/],
    ['a cut file', 'a,b\n1,"x', /line 2.*cut short/],
    ['something behind a quote', 'a,b\n1,"x"y\n', /line 2/],
    ['two columns of one name', 'a,a\n1,2', /column "a" twice/],
    ['JSON', '{"error":"no"}', /damaged/],
    ['other bytes', Buffer.from('a\nä', 'latin1'), /not UTF-8/],
  ])('refuses %s', (_what, body, message) => {
    const found = refusal('csv', body)
    expect(found.type).toBe('Contract')
    expect(found.message).toMatch(message)
  })

  it('reads what another library writes', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'ä', '"', ',', ';', '\n', '\r', ' ', '\u007f'), maxLength: 6 })
    fc.assert(fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }), fc.constantFrom('\r\n', '\n'), (rows, newline) => {
      const body = Papa.unparse({ fields: ['x', 'y'], data: rows }, { newline, quotes: true })
      expect(decode('csv', body)).toEqual(rows.map(([x, y]) => ({ x, y })))
    }), { numRuns: 200 })
  })
})

it('NDJSON: one value a line; errors and a cut end name the line', () => {
  expect(decode('ndjson', '\ufeff{"a":1}\r\n\r\n{"a":"\u007f"}\n')).toEqual([{ a: 1 }, { a: '\u007f' }])
  expect(refusal('ndjson', '{"a":1}\n{"a":')).toMatchObject({ type: 'Contract', message: expect.stringContaining('line 2') as string })
  expect(refusal('ndjson', `{"a":1}\n${'['.repeat(100_000)}`)).toMatchObject({ type: 'PageTooLarge', message: expect.stringContaining('line 2') as string })
})

describe('character sets', () => {
  const latin = Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>ä</a>', 'latin1')
  const utf8 = Buffer.from('<?xml version="1.0" encoding="utf-16"?><a>ä</a>')
  const wide = Buffer.from('\ufeff<a>ä</a>', 'utf16le')
  it.each([
    ['the header', Buffer.from('<a>ä</a>', 'latin1'), 'text/xml; charset="iso-8859-1"', ''],
    ['the header before the prolog', Buffer.from('<?xml version="1.0" encoding="ISO-8859-5"?><a>ä</a>', 'latin1'), 'text/xml;charset=iso-8859-1', ''],
    ['the prolog', latin, 'text/xml', ''],
    ['the prolog, where the header is disproved', latin, 'text/xml; charset=utf-8', ''],
    ['UTF-8, where the prolog is disproved', utf8, undefined, ''],
    ['a byte order mark', wide, 'text/xml', ''],
    ['a byte order mark, where the header is disproved', Buffer.from('\ufeff<a>ä</a>'), 'text/xml; charset=iso-8859-1', ''],
    ['UTF-16, big end first', Buffer.from(wide).swap16(), 'text/xml; charset=utf-16', ''],
    ['UTF-16 without a mark', Buffer.from('<a>ä</a>', 'utf16le'), undefined, ''],
    ['the option', Buffer.from('<a>\u0434</a>'), 'text/xml; charset=iso-8859-1', 'utf-8'],
  ])('%s', (_what, body, type, charset) => {
    expect(decode('xml', toUtf8(body, type, { kind: 'xml', charset }))).toEqual({ a: charset === '' ? 'ä' : '\u0434' })
  })

  it('CSV of Excel', () => {
    expect(toUtf8(Buffer.from([0x80]), 'text/csv', { kind: 'csv', charset: 'windows-1252' }).toString()).toBe('€')
    expect(() => streamSchema.parse({ name: 'x', format: { kind: 'csv', charset: 'nonsense' } })).toThrow(/character set/)
  })
})

describe('bodies of requests', () => {
  it('forms', () => {
    const body = { amount: exactNumber('12.50'), name: 'a&b ä', on: true, none: null, tag: ['a', 'b'], 'expand[]': ['x', 'y'], items: [{ price: 'p', n: 1 }, { price: 'q' }], metadata: { a: { b: 'c' }, list: ['1', '2'] } }
    const { body: text, contentType } = encodeBody('form', body)
    expect(contentType).toBe('application/x-www-form-urlencoded')
    expect([...new URLSearchParams(text)]).toEqual([
      ['amount', '12.50'], ['name', 'a&b ä'], ['on', 'true'], ['none', ''], ['tag', 'a'], ['tag', 'b'], ['expand[]', 'x'], ['expand[]', 'y'],
      ['items[0][price]', 'p'], ['items[0][n]', '1'], ['items[1][price]', 'q'], ['metadata[a][b]', 'c'], ['metadata[list][0]', '1'], ['metadata[list][1]', '2'],
    ])
    expect(() => encodeBody('form', ['x'])).toThrow(/named fields/)
  })

  it('XML', () => {
    expect(encodeBody('xml', { 'n:o': { '@xmlns:n': 'urn:"x"', line: [{ '@no': 1, '#text': 'a<b' }, { '@no': 2 }], none: null, sum: exactNumber('1.50') } }).body).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><n:o xmlns:n="urn:&quot;x&quot;"><line no="1">a&lt;b</line><line no="2"/><none/><sum>1.50</sum></n:o>',
    )
    for (const bad of [{ a: 1, b: 2 }, { 'a b': 1 }, { a: '\u0000' }, { a: { '@x y': 1 } }, ['a'], { a: [1, 2] }]) expect(() => encodeBody('xml', bad)).toThrow()
  })
})

describe('read by readPages', () => {
  it('files that are gzip without saying so: whole, cut short, and too large', async () => {
    const rows = `id,name\n${Array.from({ length: 2000 }, (_, i) => `${i},n`).join('\n')}\n`
    const packed = gzipSync(rows)
    const server = await testServer((req, res) => {
      res.writeHead(200, { 'content-type': 'application/octet-stream' })
      res.end(req.path === '/cut' ? packed.subarray(0, packed.length - 20) : req.path === '/bomb' ? gzipSync(Buffer.alloc(4_000_000, 'a')) : packed)
    })
    const read = async (path: string): Promise<{ stop: unknown; records: number }> => {
      const one = reading(server.url, { path, records: '', format: 'csv' }, { maxPageBytes: 1_000_000 })
      let records = 0
      const { stop } = await one.read({ onPage: (page) => Promise.resolve(void (records += page.records)) })
      await one.close()
      return { stop, records }
    }
    expect(await read('/whole')).toEqual({ stop: { kind: 'done' }, records: 2000 })
    expect(await read('/bomb')).toMatchObject({ stop: { kind: 'refused', type: 'PageTooLarge' }, records: 0 })
    expect(await read('/cut')).toMatchObject({ stop: { kind: 'interrupted', type: 'Transient' }, records: 0 })
    await server.close()
  })
})
