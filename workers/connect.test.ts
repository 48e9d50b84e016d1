import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { spawnLogged, stopChild } from './child.ts'
import { connectClient, connectWorker, temporalConnectionOptions, temporalIsConfigured } from './connect.ts'
import { choosePort, freePort } from './ports.ts'
import { SEARCH_ATTRIBUTES } from './queues.ts'
import { ensureSearchAttributes, missingSearchAttributes } from './search-attributes.ts'
import { startStack } from './stack.ts'
import { temporalBinary } from './temporal-binary.ts'

let dir = ''
beforeAll(async () => { dir = await mkdtemp(join(tmpdir(), 'isthmus-connect-')) })
afterAll(() => rm(dir, { recursive: true, force: true }))

describe('Temporal connection settings', () => {
  it('come from variables, else from a profile, else are local', async () => {
    const file = join(dir, 'temporal.toml')
    await writeFile(file, '[profile.prod]\naddress = "acme.tmprl.cloud:7233"\nnamespace = "acme"\napi_key = "k"\n')
    const none = { HOME: dir }
    expect(temporalIsConfigured(none)).toBe(false)
    expect(temporalConnectionOptions(none)).toEqual({ address: '127.0.0.1:7233', namespace: 'default' })
    const profile = { HOME: dir, TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'prod' }
    expect(temporalIsConfigured(profile)).toBe(true)
    expect(temporalConnectionOptions(profile)).toEqual({ address: 'acme.tmprl.cloud:7233', namespace: 'acme', apiKey: 'k', tls: true })
    expect(temporalConnectionOptions({ ...profile, TEMPORAL_ADDRESS: 'h:1', TEMPORAL_TLS: 'false' })).toEqual({ address: 'h:1', namespace: 'acme', apiKey: 'k' })
    expect(() => temporalConnectionOptions({ ...profile, TEMPORAL_PROFILE: 'other' })).toThrow(/'other' not found/)
  })

  it('name the address when nothing answers', async () => {
    const options = { address: `127.0.0.1:${await freePort()}`, namespace: 'default' }
    for (const attempt of [() => connectClient(options, { timeoutMs: 500 }), () => connectWorker(options)]) {
      await expect(attempt()).rejects.toMatchObject({ type: 'Unreachable', message: `Temporal does not answer at ${options.address}` })
    }
    const env = { HOME: dir, PATH: process.env.PATH, TEMPORAL_ADDRESS: options.address, DATABASE_URL: `postgresql://u:secret@127.0.0.1:${await freePort()}/d` }
    const error = await startStack({ projectDir: dir, env, worker: false }).then(() => null, (e: Error) => e)
    expect(error).toMatchObject({ type: 'Unreachable' })
    expect(error!.message).not.toContain('secret')
  }, 30_000)

  it('lead to a server that gets the search attributes it lacks', async () => {
    const port = await choosePort()
    const server = await spawnLogged(await temporalBinary(), ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'error'], { log: join(dir, 'log'), cwd: dir })
    try {
      const options = { address: `127.0.0.1:${port}`, namespace: 'default' }
      const client = await connectClient(options, { timeoutMs: 20_000 })
      expect(await missingSearchAttributes(client)).toEqual([...SEARCH_ATTRIBUTES])
      expect(await ensureSearchAttributes(client)).toBeNull()
      expect(await ensureSearchAttributes(client)).toBeNull()
      await client.connection.close()
    } finally {
      await stopChild(server, [['SIGKILL', 5000]])
    }
  }, 60_000)
})
