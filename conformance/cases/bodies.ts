import { gzipSync } from 'node:zlib'
import { check, everyRecordOnce, from, stopIs } from '../check.ts'
import type { Answer, Fault } from '../proxy.ts'
import type { Bench, Case } from '../types.ts'

const always = (): null => null
const change = (answer: (a: Answer) => Answer): Fault => ({ kind: 'change', answer })

/** The nth answer is damaged once; everything comes all the same. */
async function survives(bench: Bench, fault: Fault, nth = 1): Promise<void> {
  bench.proxy.fault = from(nth, fault)
  const all = await bench.toEnd({ inTurn: true })
  stopIs(all.result.stop, 'done')
  everyRecordOnce(all.keys, bench.running.keys)
}

/** All answers are damaged: it ends as an error, never as a short read. */
async function refuses(bench: Bench, fault: Fault, types: string[]): Promise<void> {
  bench.proxy.fault = from(0, fault, Infinity)
  const { result, keys } = await bench.toEnd({ inTurn: true, calls: 3 })
  check(result.stop.kind === 'refused' || result.stop.kind === 'interrupted', () => `it ended as ${JSON.stringify(result.stop)} with ${keys.length} records`)
  check('type' in result.stop && types.includes(result.stop.type), () => `it stopped as ${JSON.stringify(result.stop)}`)
}

/** Damaged, cut, changed and strange bodies. */
export const BODIES: Case[] = [
  { name: 'server error', shows: 'a 500 is tried again', covers: [], skip: always, run: (bench) => survives(bench, { kind: 'answer', status: 500, body: 'oops' }) },
  { name: 'broken connection', shows: 'a connection that breaks is tried again', covers: [], skip: always, run: (bench) => survives(bench, { kind: 'break' }) },
  { name: 'time-out', shows: 'an answer that does not come is asked for again', covers: [], skip: always, run: (bench) => survives(bench, { kind: 'hang' }) },
  { name: 'cut body', shows: 'a body cut short is never half a page', covers: [33], skip: always, run: (bench) => survives(bench, { kind: 'cut', share: 0.7 }) },
  {
    name: 'cut gzip', shows: 'a gzip body cut short is never half a page', covers: [33], skip: always,
    run: (bench) => survives(bench, change((a) => ({ ...a, headers: { ...a.headers, 'content-encoding': 'gzip' }, body: gzipSync(a.body).subarray(0, -12) }))),
  },
  {
    name: 'cut in silence', shows: 'a body that a proxy cut, with a length that fits, is never half a page', covers: [33],
    skip: ({ stream }) => (stream.format.kind === 'csv' || stream.format.kind === 'ndjson' ? 'its format has no end' : null),
    run: (bench) => survives(bench, change((a) => ({ ...a, body: a.body.subarray(0, Math.floor(a.body.length * 0.6)) }))),
  },
  { name: 'HTML once', shows: 'an HTML page in between is tried again', covers: [39], skip: always, run: (bench) => survives(bench, { kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><html><body>Maintenance</body></html>' }) },
  { name: 'HTML', shows: 'HTML instead of data is an error, not an empty page', covers: [39], skip: always, run: (bench) => refuses(bench, { kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><html><body>Sign in</body></html>' }, ['Contract']) },
  {
    name: 'empty body', shows: 'an empty body with 200 is an error, not an empty page', covers: [39], skip: ({ stream }) => (stream.format.kind === 'csv' || stream.format.kind === 'ndjson' ? 'an empty file is a file' : null),
    run: (bench) => refuses(bench, change((a) => ({ ...a, body: Buffer.alloc(0) })), ['Contract']),
  },
  {
    name: 'records renamed', shows: 'records that have moved are an error, not an empty page', covers: [],
    skip: ({ stream }) => (stream.format.kind === 'csv' || stream.format.kind === 'ndjson' ? 'its file is the list' : null),
    run: (bench) => refuses(bench, { kind: 'answer', status: 200, headers: { 'content-type': bench.running.stream.format.kind === 'xml' || bench.running.source.kind === 'soap' ? 'text/xml' : 'application/json' }, body: bench.running.stream.format.kind === 'xml' || bench.running.source.kind === 'soap' ? '<v2><payload/></v2>' : '{"v2":{"payload":[{"x":1}]}}' }, ['Contract']),
  },
  {
    name: 'new fields', shows: 'fields that are new change nothing', covers: [], skip: ({ stream }) => (stream.format.kind === 'json' && stream.soap === null ? null : 'its format is tried otherwise'),
    async run(bench) {
      bench.proxy.fault = () => change((a) => ({ ...a, body: Buffer.from(a.body.toString().replace(/"name":/g, '"new_field":{"deep":[1,2]},"name":')) }))
      const all = await bench.toEnd()
      everyRecordOnce(all.keys, bench.running.keys)
    },
  },
  {
    name: 'byte order mark', shows: 'a byte order mark, even twice, is no data', covers: [32], skip: ({ stream }) => (stream.soap || stream.page.kind === 'range' ? 'read by other means' : null),
    async run(bench) {
      const twice = bench.running.stream.format.kind === 'json'
      bench.proxy.fault = () => change((a) => ({ ...a, body: Buffer.concat([Buffer.from(twice ? '\ufeff\ufeff' : '\ufeff'), a.body]) }))
      const all = await bench.toEnd()
      stopIs(all.result.stop, 'done')
      everyRecordOnce(all.keys, bench.running.keys)
    },
  },
  {
    name: 'Latin-1', shows: 'another character set is read by what the header says', covers: [35], skip: ({ stream }) => (stream.page.kind !== 'range' ? null : 'it is read by bytes'),
    async run(bench) {
      let letters = false
      bench.proxy.fault = () => change((a) => ((letters ||= a.body.includes('Söhne')), { ...a, headers: { ...a.headers, 'content-type': `${a.headers['content-type']?.split(';')[0]}; charset=iso-8859-1` }, body: Buffer.from(a.body.toString(), 'latin1') }))
      const all = await bench.toEnd()
      everyRecordOnce(all.keys, bench.running.keys)
      check(!letters || all.bodies.some((b) => b.includes('Söhne')) || bench.running.stream.parent !== null, () => 'letters were lost')
    },
  },
  {
    name: 'exact numbers', shows: 'integers above 2^53 and decimals keep their digits', covers: [31], skip: ({ stream }) => (stream.format.kind === 'json' || stream.format.kind === 'ndjson' ? null : 'its numbers are texts'),
    async run(bench) {
      let numbers = false
      bench.proxy.fault = () => change((a) => {
        const changed = a.body.toString().replace(/("amount":"?|amount>)[\d.]+/g, (_, before: string) => `${before}9007199254740993.10`)
        numbers ||= changed.includes('9007199254740993.10')
        return { ...a, body: Buffer.from(changed) }
      })
      const all = await bench.toEnd()
      everyRecordOnce(all.keys, bench.running.keys)
      check(!numbers || all.bodies.some((b) => b.includes('9007199254740993.10')), () => 'digits were lost')
    },
  },
  {
    name: 'not a number', shows: 'NaN is refused, with its place', covers: [32], skip: ({ stream }) => (stream.format.kind === 'json' && stream.soap === null ? null : 'its numbers are texts'),
    run: (bench) => refuses(bench, change((a) => ({ ...a, body: Buffer.from(a.body.toString().replace(/"amount":[\d.]+/, '"amount":NaN')) })), ['Contract']).catch((error: unknown) => {
      // A page without an amount (parents, jobs) has nothing to refuse.
      if (!bench.running.stream.parent && !bench.running.stream.job) throw error
    }),
  },
  {
    name: 'too large', shows: 'a page above the limit is refused before it fills the memory', covers: [], skip: always,
    run: (bench) => refuses(bench, change((a) => ({ ...a, headers: { ...a.headers, 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(bench.running.source.maxPageBytes + 1, 0x20)) })), ['PageTooLarge']),
  },
]
