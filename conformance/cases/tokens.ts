import { randomUUID } from 'node:crypto'
import type { Store, Token, TokenRefresh } from '../../model/index.ts'
import { openConnection, type Connection } from '../../protocols/rest/index.ts'
import { calledAt, stands, TOKEN } from '../account.ts'
import { check, everyRecordOnce, stopIs } from '../check.ts'
import { openSuiteStore } from '../database.ts'
import { said, type Fault } from '../proxy.ts'
import type { Bench, Case, Running } from '../types.ts'

const KINDS = ['oauth2ClientCredentials', 'oauth2RefreshToken', 'oauth2AuthorizationCode', 'oauth2DeviceCode']
const exchanges = ({ source: { auth } }: Running): string | null => (KINDS.includes(auth.kind) && !('clientAssertion' in auth && auth.clientAssertion) ? null : 'it exchanges no token that the suite could hand out')
const ENDPOINT = '/conformance/token'

interface Grants {
  /** Refresh tokens as they were presented, in order; '' where none was. */
  presented: string[]
  connection: Connection
  /** Two processes. */
  stores: [Store, Store]
  /** Name under which the token is stored. */
  name: string
  refresh: TokenRefresh
}

/** Two processes with one token that works no longer, and a token endpoint of an account whose refresh tokens work once. */
async function withGrants(bench: Bench, answer: (presented: string, nth: number) => Fault, run: (grants: Grants) => Promise<void>): Promise<void> {
  const { running: { source, values }, proxy, databaseUrl } = bench
  const at = calledAt(proxy.url, { ...source, auth: { ...source.auth, tokenUrl: `${proxy.url}${ENDPOINT}` } as typeof source.auth })
  const connection = openConnection({ source: at, resolve: stands(values) })
  const stores = await Promise.all([openSuiteStore(databaseUrl), openSuiteStore(databaseUrl)])
  const name = `conformance-${randomUUID()}/x`
  const presented: string[] = []
  const { authenticator } = connection
  const refresh: TokenRefresh = {
    presents: (current) => authenticator.presents(current),
    fetch: (current) => authenticator.fetchToken(current),
    verdict: (error) => authenticator.verdict(error),
    reconnect: (reason) => authenticator.reconnect(reason),
    log: { run: 'conformance', stream: 'x' },
  }
  proxy.fault = (request) => {
    if (request.path === ENDPOINT) {
      presented.push(new URLSearchParams(request.body).get('refresh_token') ?? '')
      return answer(presented.at(-1)!, presented.length)
    }
    return presented.length > 0 && said(request).includes(`conformance-token-${presented.length + 1}`) ? null : { kind: 'answer', status: 401, body: '{"error":"invalid_token"}' }
  }
  try {
    await stores[0].putToken(name, { ...TOKEN, refreshToken: 'conformance-refresh-1' })
    await run({ presented, connection, stores, name, refresh })
  } finally {
    await Promise.all([connection.close(), ...stores.map((s) => s.close())])
  }
}

const json = (value: object): Fault => ({ kind: 'answer', status: 200, body: JSON.stringify(value) })

/** Tokens that run out, for more than one process. */
export const TOKENS: Case[] = [
  {
    name: 'one refresh', shows: 'two processes that see a token run out at the same time exchange it once, and both read on', covers: [14], skip: exchanges,
    run: (bench) =>
      withGrants(bench, (_given, nth) => json({ access_token: `conformance-token-${nth + 1}`, refresh_token: `conformance-refresh-${nth + 1}`, token_type: 'bearer', expires_in: 3600 }), async ({ presented, stores, name, refresh }) => {
        const reader = async (store: Store): Promise<Token> => {
          const token = (await store.getToken(name))!
          const first = await bench.read({ token: async () => token })
          stopIs(first.result.stop, 'authRequired')
          const { token: fresh } = await store.refreshToken(name, token.version, refresh)
          const all = await bench.toEnd({ position: first.result.position, token: async () => fresh })
          stopIs(all.result.stop, 'done')
          everyRecordOnce(all.keys, bench.running.keys)
          return fresh
        }
        const got = await Promise.all(stores.map(reader))
        const once: number = presented.length
        check(once === 1, () => `the token was exchanged ${once} times`)
        check(got[0]!.accessToken === got[1]!.accessToken && got[0]!.version === 2, () => 'the processes go on with different tokens')
        // And once more, with what the first exchange gave.
        await Promise.all(stores.map((store) => store.refreshToken(name, 2, refresh)))
        const used = presented.filter((t) => t !== '')
        const times: number = presented.length
        check(times === 2 && new Set(used).size === used.length, () => `presented: ${times} times, ${used.length - new Set(used).size} of them again`)
      }),
  },
  {
    name: 'no token in the answer', shows: 'an answer of 200 that holds an error instead of a token replaces none', covers: [15], skip: exchanges,
    run: (bench) =>
      withGrants(bench, () => json({ error: 'invalid_grant' }), async ({ presented, stores: [store], name, refresh }) => {
        const error: unknown = await store.refreshToken(name, 1, refresh).then(() => null, (e: unknown) => e)
        check(error !== null, () => 'it was taken for a token')
        const kept = await store.getToken(name)
        check(kept?.accessToken === TOKEN.accessToken && kept.version === 1, () => `stored: version ${kept?.version}`)
        check(presented.length === 1, () => `asked ${presented.length} times`)
      }),
  },
]
