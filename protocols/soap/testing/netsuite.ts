import { fork } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Folder of NetSuite's WSDL with its 46 schemas (2.4 MB), as the package netsuite-v2017.2 carries it, or where NETSUITE_WSDL says; null without it. */
export const NETSUITE = find()

function find(): string | null {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('netsuite-v2017.2/package.json')), 'wsdl')
  } catch {
    return process.env['NETSUITE_WSDL'] ?? null
  }
}

export interface Seen {
  call: string
  args: any
  headers: any
}

export interface NetSuite {
  url: string
  /** A project with the WSDL at `wsdl/netsuite.wsdl`. */
  projectDir: string
  /** The calls as the server understood them. */
  seen: Seen[]
  /** The next calls end with these faults. */
  fail(failures: { element: string; code: string }[]): Promise<void>
  close(): Promise<void>
}

/** Starts a server made by the `soap` library, in a process of its own. */
export async function startNetSuite(customers: number): Promise<NetSuite> {
  const projectDir = await mkdtemp(join(tmpdir(), 'isthmus-soap-'))
  await cp(NETSUITE!, join(projectDir, 'wsdl'), { recursive: true })
  const child = fork(fileURLToPath(new URL('./netsuite-server.mjs', import.meta.url)), [join(projectDir, 'wsdl/netsuite.wsdl'), String(customers)], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv: [] })
  const seen: Seen[] = []
  const port = await new Promise<number>((resolve, reject) => {
    child.on('exit', () => reject(new Error('the server of the test ended')))
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const said = JSON.parse(line) as Seen & { port?: number; error?: string }
      if (said.error) reject(new Error(said.error))
      else if (said.port) resolve(said.port)
      else seen.push(said)
    })
  })
  return {
    url: `http://127.0.0.1:${port}`,
    projectDir,
    seen,
    fail: (failures) => new Promise((resolve, reject) => child.send({ failures }, (error) => (error ? reject(error) : setTimeout(resolve, 50)))),
    async close() {
      child.kill()
      await rm(projectDir, { recursive: true, force: true })
    },
  }
}
