// A process with many callers that sign in to one connection, for the tests of tokens that are used once.
import { setTimeout as sleep } from 'node:timers/promises'
import { signIn } from '../../dist/activities/sign-in.js'
import { sourceSchema, streamSchema } from '../../dist/model/index.js'
import { openRest } from '../../dist/protocols/rest/index.js'
import { loadVaultKey, openStore } from '../../dist/store/index.js'

const { databaseUrl, key, silenceMs, baseUrl, tokenUrl, clientId, clientSecret, task } = JSON.parse(process.argv[2])
const store = await openStore(databaseUrl, { key: await loadVaultKey({ env: { ISTHMUS_KEY: key }, projectDir: '/' }), silenceMs })
const { signal } = new AbortController()
const where = { run: 'tokens', stream: 'all' }
const stream = streamSchema.parse({ name: 'all', path: '/', records: 'data', key: 'id' })
const source = sourceSchema.parse({ baseUrl, auth: { kind: 'oauth2RefreshToken', tokenUrl, clientId, clientSecret: { env: 'SECRET' }, refreshToken: { env: 'REFRESH' } } })

/** The connection as it is with one refresh token in the environment. */
function connect(refreshToken) {
  const reader = openRest({ source, stream, resolve: (v) => (typeof v === 'string' ? v : { SECRET: clientSecret, REFRESH: refreshToken }[v.env]) })
  const one = { refreshToken, reader, tokenKey: `tokens/${reader.fingerprint}`, ended: null, replaced: null }
  one.replaced = new Promise((resolve) => (one.ended = resolve))
  return one
}

const count = { ok: 0, unauthorized: 0, errors: [], rss: 0 }
const tell = (message) => process.send?.(message)

/** Calls the API with the connection's token until told otherwise; after a 401 asks for a newer one. */
async function call(state, path, before) {
  for (;;) {
    const one = state.connection
    if (before.one !== one) Object.assign(before, { one, seen: -1 })
    try {
      const { token } = await signIn(store, one, before.seen, where, signal)
      const answer = await fetch(`${baseUrl}${path}`, { headers: { authorization: `Bearer ${token.accessToken}` } })
      await answer.arrayBuffer()
      if (answer.status === 200) return void (count.ok += 1)
      if (answer.status !== 401) throw new Error(`HTTP ${answer.status}`)
      count.unauthorized += 1
      before.seen = token.version
    } catch (error) {
      if (error.type !== 'AuthFailed') return void count.errors.push(`${error.type ?? error.name}: ${error.message}`)
      if (state.connection !== one) continue
      tell({ reconnect: one.refreshToken, cure: error.cure })
      await one.replaced
    }
  }
}

const tasks = {
  /** `callers` that never end. */
  async drive({ refreshToken, callers, path, pauseMs }) {
    const state = { connection: connect(refreshToken) }
    process.on('message', (message) => {
      if (message.refreshToken === state.connection.refreshToken) return
      const last = state.connection
      state.connection = connect(message.refreshToken)
      last.ended()
    })
    setInterval(() => tell({ count: { ...count, rss: process.memoryUsage.rss() } }), 200)
    await Promise.all(Array.from({ length: callers }, async () => {
      const before = {}
      for (;;) {
        await call(state, path, before)
        await sleep(pauseMs * (0.5 + Math.random()))
      }
    }))
  },
  /** Readers of `pages` pages each. */
  async read({ refreshToken, readers, pages }) {
    const state = { connection: connect(refreshToken) }
    await Promise.all(readers.map(async (reader) => {
      const before = {}
      for (let page = 1; page <= pages; page++) await call(state, `/pages/${reader}/${page}`, before)
    }))
    tell({ count })
    await store.close()
    process.disconnect()
  },
  /** Two connections reach their failpoints; then the process is killed. */
  async fail({ beforeSend, beforeStore }) {
    const at = []
    const stop = (refreshToken, failpoint) => {
      const one = connect(refreshToken)
      const fetchToken = one.reader.auth.fetchToken
      const auth = { ...one.reader.auth, fetchToken: async (...args) => {
        if (failpoint === 'beforeStore') await fetchToken(...args)
        at.push(failpoint)
        if (at.length === 2) process.kill(process.pid, 'SIGKILL')
        return new Promise(() => {})
      } }
      return signIn(store, { tokenKey: one.tokenKey, reader: { ...one.reader, auth } }, -1, where, signal)
    }
    await Promise.all([stop(beforeSend, 'beforeSend'), stop(beforeStore, 'beforeStore')])
  },
}
tell({ ready: true })
await tasks[task.name](task)
