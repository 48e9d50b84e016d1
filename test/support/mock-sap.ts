import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll } from 'vitest'
import { cacheDir } from '../../workers/index.ts'
import { pipInstall } from '../../workers/pip-package.ts'
import { freePort } from '../../workers/ports.ts'

const VERSION = '0.22.0'

/** A server that is not ours: `mock-sap` from PyPI, OData V2 and V4 over made-up business data. */
export interface MockSap {
  url: string
  stop(): Promise<void>
}

/** Folder of the package in the cache; installed by pip when it is not there. */
async function installed(): Promise<string> {
  const dir = join(cacheDir(), `mock-sap-${VERSION}`)
  if (existsSync(join(dir, 'mocksap', '__main__.py'))) return dir
  await mkdir(cacheDir(), { recursive: true })
  const into = `${dir}.${process.pid}-${randomBytes(4).toString('hex')}`
  try {
    await pipInstall(`mock-sap==${VERSION}`, into)
    // Another test run may have been quicker: its copy is as good.
    await rename(into, dir).catch(() => undefined)
  } finally {
    await rm(into, { recursive: true, force: true })
  }
  return dir
}

/** Starts the server on a free port; `args` as on its command line, for example `['--auth', 'user:pass']`. */
export async function startMockSap(args: string[]): Promise<MockSap> {
  const dir = await installed()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const python = process.platform === 'win32' ? 'python' : 'python3'
  const child = spawn(python, ['-m', 'mocksap', '--port', String(port), '--quiet', ...args], { env: { ...process.env, PYTHONPATH: dir }, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (d: Buffer) => (stderr += d.toString()))
  await ready(child, url, () => stderr)
  return {
    url,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** One server, without sign-in, for the tests of the suite that calls this; its address is known once they run. */
export function mockSapOfSuite(): { readonly url: string } {
  let sap: MockSap | null = null
  beforeAll(async () => {
    sap = await startMockSap([])
  })
  afterAll(() => sap?.stop())
  return {
    get url() {
      return sap!.url
    },
  }
}

async function ready(child: ChildProcess, url: string, said: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`mock-sap ended with ${child.exitCode}: ${said()}`)
    if (await fetch(`${url}/_mock/health`).then((r) => r.ok, () => false)) return
    await sleep(50)
  }
  child.kill('SIGKILL')
  throw new Error(`mock-sap did not answer within 10 s: ${said()}`)
}
