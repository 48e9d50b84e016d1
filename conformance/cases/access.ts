import { needsToken } from '../../protocols/auth/index.ts'
import { TOKEN } from '../account.ts'
import { check, from, readsOn, stopIs } from '../check.ts'
import { said, type Passed } from '../proxy.ts'
import type { Case } from '../types.ts'

const always = (): null => null
const json = (body: object): string => JSON.stringify(body)

const isSigned = (passed: Passed): boolean => /conformance-|OAuth oauth_/.test(said(passed))

/** Signing in, and not being let in. */
export const ACCESS: Case[] = [
  {
    name: 'signed', shows: 'every request carries the credentials', covers: [], skip: ({ source }) => (source.auth.kind === 'none' ? 'the source does not sign in' : null),
    async run({ toEnd, proxy, running }) {
      await toEnd()
      const bare = proxy.passed.find((p) => !isSigned(p))
      // An address of its own, which a report is downloaded from, is on the same host here.
      check(bare === undefined || running.stream.job?.url !== null, () => `unsigned: ${bare!.method} ${bare!.path}`)
    },
  },
  {
    name: 'expiry', shows: 'a token that runs out in the middle is exchanged, and reading goes on', covers: [14], skip: ({ source }) => (needsToken(source.auth) ? null : 'its credentials do not expire'),
    async run(bench) {
      bench.proxy.fault = (request) => (request.nth >= 1 && said(request).includes(TOKEN.accessToken) ? { kind: 'answer', status: 401, body: json({ error: 'invalid_token' }) } : null)
      const first = await bench.read({ inTurn: true })
      if (first.result.stop.kind === 'done') return
      stopIs(first.result.stop, 'authRequired')
      const next = { ...TOKEN, version: 2, accessToken: 'conformance-token-2' }
      const rest = await bench.toEnd({ position: first.result.position, token: async () => next })
      stopIs(rest.result.stop, 'done')
      check(rest.keys.length + first.keys.length === bench.running.keys.length, () => `${rest.keys.length + first.keys.length} records of ${bench.running.keys.length}`)
    },
  },
  {
    name: 'refused credentials', shows: 'credentials that are refused stop the stream and name what to correct', covers: [], skip: ({ source }) => (needsToken(source.auth) ? 'its credentials expire' : null),
    async run({ read, proxy }) {
      proxy.fault = from(0, { kind: 'answer', status: 401, body: json({ error: 'unauthorized' }) }, Infinity)
      const { stop } = (await read()).result
      stopIs(stop, 'refused', ['AuthFailed'])
      check(stop.kind === 'refused' && stop.field.startsWith('from.auth') && stop.cure !== '', () => JSON.stringify(stop))
    },
  },
  {
    name: 'permission', shows: 'a missing permission stops the stream, and is no reason to sign in again', covers: [], skip: always,
    async run({ read, proxy }) {
      proxy.fault = from(0, { kind: 'answer', status: 403, body: json({ error: 'forbidden' }) }, Infinity)
      stopIs((await read()).result.stop, 'refused', ['PermissionDenied'])
      check(proxy.passed.length <= 8, () => `${proxy.passed.length} requests for one refusal`)
    },
  },
  {
    name: 'foreign redirect', shows: 'credentials do not follow a redirect to another host', covers: [36], skip: always,
    async run({ read, proxy }) {
      proxy.fault = from(0, { kind: 'answer', status: 307, headers: { location: proxy.url.replace('127.0.0.1', 'localhost') } }, Infinity)
      stopIs((await read()).result.stop, 'refused', ['ForeignOrigin'])
      check(proxy.passed.length === 1, () => `${proxy.passed.length} requests`)
    },
  },
  {
    name: 'foreign next', shows: 'credentials do not follow a next address to another host', covers: [36],
    skip: ({ stream: { page, window, parent, job } }) => (!window && !parent && !job && (page.kind === 'link' || page.kind === 'nextUrl') ? null : 'it follows no addresses'),
    async run({ toEnd, proxy }) {
      const foreign = proxy.url.replace('127.0.0.1', 'localhost')
      proxy.fault = () => ({
        kind: 'change',
        answer: ({ status, headers, body }) => ({
          status, headers: { ...headers, ...(headers['link'] ? { link: headers['link'].replace('127.0.0.1', 'localhost') } : {}) },
          body: Buffer.from(body.toString().replaceAll(proxy.url, foreign).replace(/":"\//g, `":"${foreign}/`)),
        }),
      })
      const all = await toEnd()
      // A server that never pages by itself has nothing to follow.
      if (all.result.stop.kind === 'done') return check(all.bodies.length === 1, () => 'it followed the address')
      stopIs(all.result.stop, 'refused', ['ForeignOrigin'])
      check(proxy.passed.every((p) => !p.headers.host?.startsWith('localhost')), () => 'the foreign host was asked')
    },
  },
  {
    name: 'retired version', shows: 'a version that is gone is told, and not asked for again and again', covers: [8], skip: always,
    async run({ read, proxy }) {
      proxy.fault = from(0, { kind: 'answer', status: 410, body: json({ errorCode: 'GONE', message: 'API version is no longer supported' }) }, Infinity)
      const { stop } = (await read()).result
      check(stop.kind === 'refused' || stop.kind === 'positionLost', () => JSON.stringify(stop))
      check(proxy.passed.length <= 2, () => `${proxy.passed.length} requests`)
    },
  },
  {
    name: 'deprecation', shows: 'what the API says of its own end is told', covers: [], skip: always,
    async run(bench) {
      bench.proxy.fault = () => ({ kind: 'change', answer: (a) => ({ ...a, headers: { ...a.headers, deprecation: '@1688169599', sunset: 'Fri, 31 Dec 2027 23:59:59 GMT' } }) })
      const first = await bench.toEnd()
      check(first.notices.some((n) => n.includes('2027-12-31')), () => 'nothing was told')
      stopIs(first.result.stop, 'done')
    },
  },
  {
    name: 'after an outage', shows: 'reading goes on where an outage ended it', covers: [], skip: always,
    async run(bench) {
      bench.proxy.fault = from(1, { kind: 'answer', status: 500, body: '{}' }, Infinity)
      const first = await bench.read({ inTurn: true })
      bench.proxy.fault = null
      if (first.result.stop.kind === 'done') return
      stopIs(first.result.stop, 'interrupted')
      await readsOn(bench, first)
    },
  },
]
