import { check, everyRecordOnce, from, stopIs } from '../check.ts'
import type { PageStop } from '../../model/index.ts'
import type { Fault } from '../proxy.ts'
import { soapFault, THROTTLED } from '../said.ts'
import type { Bench, Case } from '../types.ts'

const only = (kind: 'graphql' | 'soap' | 'odata', name: string) => ({ source }: Bench['running']): string | null => (source.kind === kind ? null : `it does not speak ${name}`)
/** What stands beside the answer, in its JSON. */
const beside = (more: object): Fault => ({ kind: 'change', answer: (a) => ({ ...a, body: Buffer.from(JSON.stringify({ ...(JSON.parse(a.body.toString()) as object), ...more })) }) })

/** All answers are like this: it never counts as success. */
async function never(bench: Bench, fault: Fault, kinds: PageStop['kind'][], types: string[] = []): Promise<void> {
  bench.proxy.fault = from(0, fault, Infinity)
  const { stop } = (await bench.read({ inTurn: true })).result
  check(kinds.includes(stop.kind) && (types.length === 0 || ('type' in stop && types.includes(stop.type))), () => `it stopped as ${JSON.stringify(stop)} instead of ${kinds.join(' or ')} ${types.join(' or ')}`)
}

/** One answer is like this: it is asked for again, and nothing is lost. */
async function again(bench: Bench, fault: Fault): Promise<void> {
  bench.proxy.fault = from(0, fault)
  const all = await bench.toEnd({ inTurn: true })
  stopIs(all.result.stop, 'done')
  everyRecordOnce(all.keys, bench.running.keys)
}

/** A fault means the same in a 200 and in a 500. */
async function faultIs(bench: Bench, code: string, message: string, kinds: PageStop['kind'][], types: string[] = []): Promise<void> {
  for (const status of [200, 500]) await never(bench, soapFault(status, code, message), kinds, types)
}

const SOAP: Case[] = [
  { name: 'fault: refused', shows: 'a fault that nobody knows stops the stream, in a 200 and in a 500', covers: [17], skip: only('soap', 'SOAP'), run: (bench) => faultIs(bench, 'Client', 'NO_SUCH_FIELD: No such column Foo', ['refused'], ['Contract']) },
  { name: 'fault: session', shows: 'a fault that says that the session has ended asks for a new token, or names the credentials', covers: [9], skip: only('soap', 'SOAP'), run: (bench) => faultIs(bench, 'INVALID_SESSION_ID', 'INVALID_SESSION_ID: Invalid Session ID found in SessionHeader', ['authRequired', 'refused'], 'tokenUrl' in bench.running.source.auth ? [] : ['AuthFailed']) },
  { name: 'fault: permission', shows: 'a fault about a permission stops the stream', covers: [], skip: only('soap', 'SOAP'), run: (bench) => faultIs(bench, 'INSUFFICIENT_ACCESS', 'INSUFFICIENT_ACCESS: no right', ['refused'], ['PermissionDenied']) },
  {
    name: 'fault: limit', shows: 'a fault that tells of a limit is waited for, in a 200 and in a 500', covers: [10], skip: only('soap', 'SOAP'),
    async run(bench) {
      for (const status of [200, 500]) {
        const before = bench.proxy.passed.length
        bench.proxy.fault = (request) => (request.nth === before ? soapFault(status, 'EXCEEDED_MAX_CONCUR_RQST', 'REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.') : null)
        const all = await bench.toEnd()
        stopIs(all.result.stop, 'done')
        everyRecordOnce(all.keys, bench.running.keys)
      }
    },
  },
]

const GRAPHQL: Case[] = [
  { name: 'partial data', shows: 'data beside an error is no success, although the answer is a 200', covers: [21], skip: only('graphql', 'GraphQL'), run: (bench) => never(bench, beside({ errors: [{ message: 'the warehouse does not answer', path: ['orders', 'nodes', 1, 'amount'] }] }), ['interrupted', 'refused']) },
  { name: 'partial data once', shows: 'an error beside data is tried again, and nothing of that answer is kept', covers: [21], skip: only('graphql', 'GraphQL'), run: (bench) => again(bench, beside({ errors: [{ message: 'internal', extensions: { code: 'INTERNAL_SERVER_ERROR' } }] })) },
  { name: 'throttled in a 200', shows: 'a limit that is told in a 200 is waited for', covers: [20], skip: only('graphql', 'GraphQL'), run: (bench) => again(bench, THROTTLED) },
  { name: 'neither data nor errors', shows: 'an answer without data and errors is no empty page', covers: [], skip: only('graphql', 'GraphQL'), run: (bench) => never(bench, { kind: 'answer', status: 200, body: '{"data":null}' }, ['interrupted', 'refused']) },
]

const ODATA: Case[] = [
  { name: 'error in a page', shows: 'an error inside an answer of 200 (the server failed on the way) is no short page', covers: [17], skip: only('odata', 'OData'), run: (bench) => never(bench, beside({ error: { code: '500', message: 'the database went away' } }), ['interrupted', 'refused']) },
  { name: 'locked', shows: 'a lock (423) is tried again', covers: [], skip: only('odata', 'OData'), run: (bench) => again(bench, { kind: 'answer', status: 423, body: '{"error":{"code":"LOCK","message":{"lang":"en","value":"locked by CB1"}}}' }) },
]

/** What single protocols say in answers that look well. */
export const PROTOCOLS: Case[] = [...GRAPHQL, ...SOAP, ...ODATA]
