import { guaranteeKind } from '../../model/index.ts'
import { needsToken } from '../../protocols/auth/index.ts'
import { TOKEN } from '../account.ts'
import { check } from '../check.ts'
import { said, type Fault } from '../proxy.ts'
import { limitsOf, refusalsOf } from '../said.ts'
import { isCall, type ActingBench, type ActingCase, type ActingSubject } from './types.ts'

const always = (): null => null
const RECORDS = 7
const rows = (bench: ActingBench, first = 0): Record<string, string>[] => Array.from({ length: RECORDS }, (_, n) => bench.row(first + n))
const once = (subject: ActingSubject): boolean => guaranteeKind(subject.action, subject.key) !== 'none'
const onceOnly = (subject: ActingSubject): string | null => (once(subject) ? null : 'the action is at least once: it has neither key nor look-up')
const reads = (bench: ActingBench): string[] => bench.effects().map(({ record }) => bench.subject.key.map((k) => record[k]).join('/'))
const keyOf = (bench: ActingBench, n: number): string => bench.subject.key.map((k) => bench.row(n)[k]).join('/')

/** The nth call of the action and those that follow it, `times` in all, meet a fault. */
function calls(bench: ActingBench, nth: number, fault: Fault | (() => Fault), times = 1): void {
  let seen = -1
  bench.proxy.fault = (request) => {
    if (!isCall(request)) return null
    seen += 1
    return seen >= nth && seen < nth + times ? (typeof fault === 'function' ? fault() : fault) : null
  }
}

/** Each record took effect; once, unless a repeated request of its kind changes nothing. */
function each(bench: ActingBench, expected = Array.from({ length: RECORDS }, (_, n) => keyOf(bench, n))): void {
  const found = reads(bench)
  const missing = expected.filter((k) => !found.includes(k))
  check(missing.length === 0, () => `${missing.length} records did not arrive: ${missing.join(', ')}; arrived: ${found.slice(0, 3).join(', ')}`)
  const repeatable = guaranteeKind(bench.subject.action, bench.subject.key) === 'method'
  const doubled = repeatable ? [] : found.filter((k, i) => found.indexOf(k) !== i)
  check(doubled.length === 0, () => `${doubled.length} records took effect twice: ${doubled.join(', ')}`)
  const strange = found.filter((k) => !expected.includes(k))
  check(strange.length === 0, () => `${strange.join(', ')} should not have arrived`)
}

/** Everything an action has to do, whatever the API does. */
export const ACTING: ActingCase[] = [
  {
    name: 'every record', shows: 'each record arrives once, with its values', covers: [], skip: always,
    async run(bench) {
      const { result, refused } = await bench.post({ rows: rows(bench) })
      check(result.stop === null && refused.length === 0, () => JSON.stringify({ stop: result.stop, refused: refused[0] }))
      each(bench)
      const wrong = bench.effects().find(({ record }) => bench.columns.some((c) => record[c] !== undefined && !record[c].startsWith(`${c}-`)))
      check(wrong === undefined, () => `a value stands in the wrong place: ${JSON.stringify(wrong)}`)
    },
  },
  {
    name: 'the same again', shows: 'records that were delivered are not sent again', covers: [], skip: always,
    async run(bench) {
      await bench.post({ rows: rows(bench) })
      const sent = bench.proxy.passed.length
      const { result } = await bench.post({ rows: rows(bench) })
      check(result.unchanged === RECORDS, () => JSON.stringify(result))
      check(bench.proxy.passed.length === sent, () => `${bench.proxy.passed.length - sent} requests were sent again`)
    },
  },
  {
    name: 'lost answer', shows: 'a request whose answer was lost takes effect once', covers: [12], skip: onceOnly,
    async run(bench) {
      calls(bench, 1, { kind: 'cut', share: 0 })
      const { result } = await bench.post({ rows: rows(bench) })
      check(result.stop === null, () => JSON.stringify(result.stop))
      each(bench)
    },
  },
  {
    name: 'kill', shows: 'a kill between sending and hearing loses and doubles nothing', covers: [], skip: onceOnly,
    async run(bench) {
      const killed = new AbortController()
      // The server has taken it; the answer never arrives.
      calls(bench, bench.subject.action.batch ? 0 : 1, () => {
        setTimeout(() => killed.abort(), 50)
        return { kind: 'cut', share: 0.01 }
      })
      await bench.post({ rows: rows(bench), signal: killed.signal }).catch(() => undefined)
      bench.proxy.fault = null
      const { result } = await bench.post({ rows: rows(bench), again: true })
      check(result.stop === null, () => JSON.stringify(result.stop))
      each(bench)
    },
  },
  {
    name: 'server error', shows: 'a 500 that tells nothing is cleared up, and nothing doubled', covers: [], skip: onceOnly,
    async run(bench) {
      calls(bench, 0, { kind: 'change', answer: (a) => ({ ...a, status: 500, body: Buffer.from('oops') }) })
      const { result } = await bench.post({ rows: rows(bench) })
      check(result.stop === null, () => JSON.stringify(result.stop))
      each(bench)
    },
  },
  {
    name: '429', shows: 'a limit is waited out', covers: [], skip: always,
    async run(bench) {
      calls(bench, 0, { kind: 'answer', status: 429, headers: { 'retry-after': '1' }, body: '{}' })
      const { result } = await bench.post({ rows: rows(bench) })
      check(result.stop === null, () => JSON.stringify(result.stop))
      each(bench)
    },
  },
  {
    name: 'refused record', shows: 'one bad record is set aside, the others arrive', covers: [17], skip: ({ action }) => (action.method === 'DELETE' ? 'a delete has nothing to refuse' : null), refuses: 3,
    async run(bench) {
      const { result, refused } = await bench.post({ rows: rows(bench) })
      check(result.stop === null, () => JSON.stringify(result.stop))
      check(refused.length === 1 && refused[0]!.line === 4, () => `refused: ${JSON.stringify(refused)}`)
      each(bench, [0, 1, 2, 4, 5, 6].map((n) => keyOf(bench, n)))
    },
  },
  {
    name: 'refused in its own words', shows: 'a refusal of what is in one request (422; a fault, errors of GraphQL, in a 200 as well) is no success, and stops no other record', covers: [17], skip: always,
    async run(bench) {
      for (const [i, fault] of refusalsOf(bench.subject.source).entries()) {
        const first = 10 * i
        const bad = new RegExp(`${keyOf(bench, first + 3).split('/')[0]}(?!\\d)`)
        bench.proxy.fault = (request) => (bad.test(`${decodeURIComponent(request.path)} ${request.body}`) ? fault : null)
        const { result, refused } = await bench.post({ rows: rows(bench, first) })
        check(result.stop === null && refused.length === 1 && refused[0]!.line === 4, () => JSON.stringify({ stop: result.stop, refused }))
      }
      each(bench, refusalsOf(bench.subject.source).flatMap((_, i) => [0, 1, 2, 4, 5, 6].map((n) => keyOf(bench, 10 * i + n))))
    },
  },
  {
    name: 'limit in its own words', shows: 'a limit that is told in a 403, in a fault or in an error in a 200, is waited out', covers: [6, 10, 20], skip: always,
    async run(bench) {
      for (const [i, fault] of limitsOf(bench.subject.source).entries()) {
        calls(bench, 0, fault)
        const { result, refused } = await bench.post({ rows: rows(bench, 10 * i) })
        check(result.stop === null && refused.length === 0, () => JSON.stringify({ stop: result.stop, refused: refused[0] }))
      }
      each(bench, limitsOf(bench.subject.source).flatMap((_, i) => Array.from({ length: RECORDS }, (_r, n) => keyOf(bench, 10 * i + n))))
    },
  },
  {
    name: 'expiry', shows: 'a token that runs out in the middle is asked for anew, and nothing is lost or doubled', covers: [14], skip: ({ source }) => (needsToken(source.auth) ? null : 'its credentials do not expire'),
    async run(bench) {
      let sent = 0
      bench.proxy.fault = (request) => (isCall(request) && (sent += 1) > 1 && said(request).includes(TOKEN.accessToken) ? { kind: 'answer', status: 401, body: '{"error":"invalid_token"}' } : null)
      const { result } = await bench.post({ rows: rows(bench) })
      check(result.stop?.kind === 'authRequired' && result.stop.version === TOKEN.version, () => JSON.stringify(result.stop))
      const next = { ...TOKEN, version: 2, accessToken: 'conformance-token-2' }
      const after = await bench.post({ rows: rows(bench), again: true, token: async () => next })
      check(after.result.stop === null, () => JSON.stringify(after.result.stop))
      each(bench)
    },
  },
  {
    name: 'changed record', shows: 'a record that changed is sent again, with a key of its own', covers: [13],
    skip: ({ action, key }) => (action.changes === 'ignore' ? 'changes are ignored' : guaranteeKind(action, key) === 'lookup' || columnsBeside(action, key) ? null : 'it sends nothing beside its key'),
    async run(bench) {
      const other = bench.columns.find((c) => !bench.subject.key.includes(c))
      if (other === undefined) return
      await bench.post({ rows: rows(bench) })
      const before = bench.effects().length
      const { result } = await bench.post({ rows: rows(bench).map((r, n) => (n === 2 ? { ...r, [other]: `${other}-new` } : r)) })
      check(result.stop === null && result.unchanged === RECORDS - 1, () => JSON.stringify(result))
      check(bench.effects().length === before + 1, () => `${bench.effects().length - before} records took effect`)
    },
  },
  {
    name: 'token against forgery', shows: 'a token that has run out is fetched again, together with its cookie, and is no missing permission', covers: [37], skip: ({ source }) => (source.csrf ? null : 'the source asks for none'),
    async run(bench) {
      calls(bench, 1, { kind: 'answer', status: 403, headers: { 'x-csrf-token': 'Required' }, body: '' })
      const { result } = await bench.post({ rows: rows(bench) })
      check(result.stop === null, () => JSON.stringify(result.stop))
      const fetched = bench.proxy.passed.filter((p) => !isCall(p))
      check(fetched.length === 2, () => `it was fetched ${fetched.length} times`)
      each(bench)
    },
  },
  {
    name: 'permission', shows: 'a missing permission stops the stream and loses nothing', covers: [], skip: always,
    async run(bench) {
      calls(bench, 0, { kind: 'answer', status: 403, body: '{"error":"forbidden"}' }, Infinity)
      const { result } = await bench.post({ rows: rows(bench) })
      check(result.stop?.kind === 'refused' && result.stop.type === 'PermissionDenied', () => JSON.stringify(result.stop))
      bench.proxy.fault = null
      const after = await bench.post({ rows: rows(bench), again: true })
      check(after.result.stop === null, () => JSON.stringify(after.result.stop))
      each(bench)
    },
  },
  {
    name: 'redirect', shows: 'an action is not sent to another address', covers: [36], skip: always,
    async run(bench) {
      calls(bench, 0, { kind: 'answer', status: 307, headers: { location: bench.proxy.url.replace('127.0.0.1', 'localhost') } }, Infinity)
      const { result } = await bench.post({ rows: rows(bench) })
      check(result.stop?.kind === 'refused', () => JSON.stringify(result.stop))
      check(bench.effects().length === 0 && bench.proxy.passed.every((p) => !p.headers.host!.startsWith('localhost')), () => 'it was followed')
    },
  },
]

function columnsBeside(action: ActingSubject['action'], key: string[]): boolean {
  return action.body === null ? action.method !== 'DELETE' : key.length > 0 && JSON.stringify(action.body).match(/\{[^{}"]+\}/g)!.length > key.length
}
