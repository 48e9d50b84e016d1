import { check, everyRecordOnce, from, readsOn, stopIs } from '../check.ts'
import { refusal } from '../said.ts'
import type { Case, Over } from '../types.ts'

const always = (): null => null
const ANY: Over[] = ['http', 'database', 'file']

/** Reading to the end, in parts, and after a kill. */
export const READING: Case[] = [
  {
    name: 'full', over: ANY, shows: 'reads every record once', covers: [], skip: always,
    async run({ toEnd, running }) {
      const all = await toEnd()
      stopIs(all.result.stop, 'done')
      everyRecordOnce(all.keys, running.keys)
    },
  },
  {
    name: 'resume', over: ANY, shows: 'goes on behind each page as a new process, and asks for no page twice', covers: [], skip: always,
    async run({ toEnd, running, proxy }) {
      const all = await toEnd({ requests: 1 })
      stopIs(all.result.stop, 'done')
      everyRecordOnce(all.keys, running.keys)
      // A process that is new asks for its page of parents again, and about its job.
      if (running.stream.parent || running.stream.job || running.source.kind === 'postgres') return
      const asked = proxy.passed.map((p) => `${p.method} ${p.path} ${JSON.stringify(p.headers['range'] ?? '')} ${withoutNonces(p.body)}`)
      const twice = asked.filter((a, i) => asked.indexOf(a) !== i)
      check(twice.length === 0, () => `asked for twice: ${twice[0]}`)
    },
  },
  {
    name: 'one record on a page', shows: 'a page of one record is a list like any other (of XML it is no list)', covers: [34], start: { records: 6 }, skip: always,
    async run({ toEnd, running }) {
      const all = await toEnd()
      stopIs(all.result.stop, 'done')
      everyRecordOnce(all.keys, running.keys)
    },
  },
  {
    name: 'query time-out', shows: 'an API that gives up on a query has not read nothing', covers: [5], skip: always,
    async run({ toEnd, proxy, running }) {
      proxy.fault = from(0, refusal(running, running.source.kind === 'soap' ? 500 : 400, 'QUERY_TIMEOUT', 'Your query request was running for too long.'), Infinity)
      const { stop } = (await toEnd({ inTurn: true, calls: 3 })).result
      check(stop.kind === 'interrupted' || stop.kind === 'refused', () => `it stopped as ${JSON.stringify(stop)}`)
    },
  },
  {
    name: 'kill', shows: 'a kill in the middle of a request loses and doubles nothing', covers: [], skip: always,
    async run(bench) {
      const killed = new AbortController()
      bench.proxy.fault = (request) => {
        if (request.nth < 2) return null
        setTimeout(() => killed.abort(), 30)
        return { kind: 'hang' }
      }
      const first = await bench.read({ signal: killed.signal })
      bench.proxy.fault = null
      // All of it came in two requests.
      if (first.result.stop.kind === 'done') return everyRecordOnce(first.keys, bench.running.keys)
      await readsOn(bench, first)
    },
  },
  {
    name: 'kill at a page', over: ANY, shows: 'a kill before a page is kept reads it again, and no other', covers: [], skip: always,
    async run(bench) {
      const killed = new AbortController()
      const first = await bench.read({
        inTurn: true, signal: killed.signal,
        onPage: (nth) => {
          if (nth < 1) return
          killed.abort()
          throw new Error('killed')
        },
      })
      if (first.result.stop.kind === 'done') return everyRecordOnce(first.keys, bench.running.keys)
      await readsOn(bench, first)
    },
  },
  {
    name: 'incremental', over: ANY, shows: 'asks only for what changed since', covers: [], skip: ({ since }) => (since ? null : 'the stream knows no increments'),
    async run({ toEnd, running }) {
      const all = await toEnd({ since: running.since!.bound })
      stopIs(all.result.stop, 'done')
      everyRecordOnce(all.keys, running.since!.keys)
    },
  },
  {
    name: 'empty page', shows: 'an empty page with a next one is no end', covers: [26], start: { quirks: { emptyPage: 1 } },
    skip: ({ quirky, stream: { page } }) => (quirky && ['cursor', 'link', 'nextUrl'].includes(page.kind) && !(page.kind === 'cursor' && page.from === 'lastRecord') ? null : 'no way to have one'),
    async run({ toEnd, running }) {
      const all = await toEnd()
      stopIs(all.result.stop, 'done')
      everyRecordOnce(all.keys, running.keys)
    },
  },
  {
    name: 'repeated place', shows: 'a next page that is given again and again ends as an error, not as a loop or as an end', covers: [27], start: { quirks: { repeatFrom: 1 } },
    skip: ({ quirky, stream: { page, window } }) => (quirky && !window && ['cursor', 'link', 'nextUrl'].includes(page.kind) && !(page.kind === 'cursor' && page.from === 'lastRecord') ? null : 'no way to have one'),
    async run({ toEnd }) {
      stopIs((await toEnd({ calls: 50 })).result.stop, 'refused', ['Contract'])
    },
  },
  {
    name: 'one at a time', over: ANY, shows: 'reads in turn when told so', covers: [], skip: always,
    async run({ toEnd, running }) {
      const all = await toEnd({ inTurn: true })
      everyRecordOnce(all.keys, running.keys)
    },
  },
  {
    name: 'lost place', shows: 'a place that the API no longer knows is told, so that the scan begins anew', covers: [3, 4, 18, 19],
    skip: ({ stream: { page, parent, job, window } }) => (!parent && !job && !window && (page.kind === 'cursor' || page.kind === 'link' || page.kind === 'nextUrl' || page.kind === 'search') ? null : 'its places do not lapse'),
    async run({ read, proxy, running }) {
      const first = await read({ requests: 1 })
      if (first.result.stop.kind === 'done') return
      proxy.fault = from(0, refusal(running, 400, 'INVALID_QUERY_LOCATOR', 'invalid cursor'), Infinity)
      const second = await read({ position: first.result.position })
      check(second.result.stop.kind === 'positionLost', () => `it stopped as ${JSON.stringify(second.result.stop)}; the source is ${running.source.kind}`)
    },
  },
]

/** Parts of envelopes that are new in each request. */
function withoutNonces(body: string): string {
  return body.replace(/<(?:\w+:)?(Nonce|Created|Expires|timestamp|nonce|Password|signature)\b[^>]*>[^<]*</gi, '')
}
