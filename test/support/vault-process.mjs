// Processes that rotate the vault's key, or work beside a rotation, for test/integration/vault.test.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { loadVaultKey, openStore, rotateVaultKey } from '../../dist/store/index.js'

const { databaseUrl, projectDir, task } = JSON.parse(process.argv[2])
const load = () => loadVaultKey({ env: {}, projectDir })
const tell = (message) => process.send?.(message)

/** A sign-in with refresh tokens that work once. The provider knows its tokens by what this process holds. */
const refresh = (id) => ({
  presents: (token) => token.refreshToken ?? `first ${id}`,
  fetch: async (token) => ({ accessToken: `access ${id} ${token.version + 1}`, refreshToken: `refresh ${id} ${token.version + 1}`, expiresAt: null }),
  verdict: () => 'unclear',
  reconnect: (reason) => new Error(reason),
  log: { run: 'r', stream: 's' },
})

const tasks = {
  /** Rotates the key; dies at the `nth` step `killAt`. */
  async rotate({ killAt, nth, settleMs }) {
    let seen = 0
    const step = (name) => {
      tell({ step: name })
      if (name === killAt && ++seen === nth) process.kill(process.pid, 'SIGKILL')
    }
    const done = await rotateVaultKey(databaseUrl, { from: await load(), env: {}, projectDir, settleMs, step })
    tell({ done })
    process.disconnect()
  },
  /** Reads and writes until told to stop; tells what it wrote last. */
  async work({ connections }) {
    const store = await openStore(databaseUrl, { key: await load() })
    await store.migrate()
    const counts = { reads: 0, writes: 0, refreshes: 0 }
    const failures = []
    const written = {}
    const payload = (await store.payloadKeys()).current.id
    let stop = false
    process.on('message', () => (stop = true))
    tell({ ready: true })
    const turn = async (id, what) => {
      if (what < 0.2) {
        const value = `new ${Math.random()}`
        const before = await store.connectionValues(id)
        await store.saveConnection({ id, connector: 'acme', method: 'default', ...before, credentials: { ...before.credentials, key: value } })
        written[id] = value
        counts.writes += 1
      } else if (what < 0.4) {
        const seen = await store.getToken(`${id}/print`)
        const { token } = await store.refreshToken(`${id}/print`, seen.version, refresh(id))
        if (token.accessToken !== `access ${id} ${seen.version + 1}`) throw new Error(`another token: ${token.accessToken}`)
        counts.refreshes += 1
      } else {
        const values = await store.connectionValues(id)
        if (values.credentials.secret !== `secret of ${id}`) throw new Error(`wrong value of ${id}`)
        if (written[id] !== undefined && values.credentials.key !== written[id]) throw new Error(`lost write of ${id}`)
        if ((await store.getSettings('run/1')).ACME_KEY !== 'from the environment') throw new Error('wrong settings')
        if (!(await (await store.payloadKeys()).get(payload))) throw new Error('payload key lost')
        counts.reads += 1
      }
    }
    // Each loop has connections of its own, so that it knows what it wrote.
    const loop = async (mine) => {
      while (!stop) {
        await turn(mine[Math.floor(Math.random() * mine.length)], Math.random()).catch((error) => failures.push(String(error)))
        await sleep(2)
      }
    }
    await Promise.all([0, 1, 2].map((n) => loop(connections.filter((_, i) => i % 3 === n))))
    tell({ counts, failures, written })
    await store.close()
    process.disconnect()
  },
}
await tasks[task.name](task)
