import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { IsthmusError } from '../model/errors.ts'
import { logTail, spawnLogged, stopChild, type LoggedChild } from './child.ts'
import { connectClient } from './connect.ts'
import { claimPort, releasePorts } from './port-claims.ts'
import { mustBeFree } from './ports.ts'
import { SEARCH_ATTRIBUTES } from './queues.ts'
import { missingSearchAttributes } from './search-attributes.ts'

export interface TemporalServerOptions {
  /** Existing folder for the database (`temporal.db`), the log and the ports last used. */
  dir: string
  /** The Temporal CLI. */
  binary: string
  /** Created when it does not exist. `default` when left out. */
  namespace?: string
  /** Ports to try first; else those of the last start, then 7233 and 8233, then free ones. */
  port?: number
  uiPort?: number
  /** Takes these ports and no others: the server is started again, and everything knows it by them. */
  again?: Pick<TemporalServer, 'port' | 'uiPort'>
  /** Where the web UI has payloads decoded. Other users of the machine do not see it in the list of processes. */
  codecEndpoint?: string
}

export interface TemporalServer {
  pid: number
  /** Stands in the command line of the process and of no other. */
  marker: string
  address: string
  port: number
  uiPort: number
  namespace: string
  uiUrl: string
  /** Resolves when the process has ended, with how. */
  exited: Promise<string>
  /** Stops it: SIGTERM, after 10 s SIGKILL. Idempotent. */
  stop(): Promise<void>
}

/** Fairness between syncs, and lists faster than the 10 requests a second the server allows by default. */
const DYNAMIC_CONFIG = ['matching.useNewMatcher=true', 'matching.enableFairness=true', 'frontend.namespaceRPS.visibility=100']

/**
 * SQLite writes ahead and waits for the disk at checkpoints only: half the processor time for each step. Nothing committed is lost when a process is killed; when the power
 * fails, the last moments of Temporal may be, and steps that are done again because of that take effect once (https://www.sqlite.org/pragma.html#pragma_synchronous).
 */
const PRAGMAS = ['journal_mode=wal', 'synchronous=normal']

const READY_MS = 60_000
export const TEMPORAL_STOP: [NodeJS.Signals, number][] = [['SIGTERM', 10_000], ['SIGKILL', 5000]]

/** File that marks the process of the server kept in `dir`. */
export function temporalMarker(dir: string): string {
  return join(dir, 'temporal.db')
}

/**
 * Starts a Temporal development server with its web UI on 127.0.0.1; its data stay in `dir` over restarts.
 * Resolves when it answers and knows the search attributes of Isthmus.
 * @throws IsthmusError Unreachable with the end of its log when it does not come up within 60 s.
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const { dir, binary, namespace = 'default' } = options
  const log = join(dir, 'temporal.log')
  const last = await lastPorts(dir)
  const settings = options.codecEndpoint === undefined ? null : await writeSettings(dir, { 'ui-codec-endpoint': options.codecEndpoint })
  for (let attempt = 1; ; attempt++) {
    const { port, uiPort } = options.again ?? (await choose(options, last))
    if (options.again) for (const known of [port, uiPort]) await mustBeFree(known, 'the Temporal server')
    const from = (await stat(log).catch(() => null))?.size ?? 0
    const child = await spawnLogged(binary, args(dir, namespace, port, uiPort, settings), { log, cwd: dir })
    const stop = async () => {
      await stopChild(child, TEMPORAL_STOP)
      await releasePorts(port, uiPort)
    }
    const address = `127.0.0.1:${port}`
    try {
      await ready(child, address, namespace)
    } catch (error) {
      await (options.again ? stopChild(child, TEMPORAL_STOP) : stop())
      const tail = await logTail(log, from)
      // Somebody took the port between the choice and the start.
      if (/address already in use/.test(tail) && attempt < 3) continue
      throw new IsthmusError('Unreachable', `The Temporal server did not start: ${(error as Error).message}${tail ? `\n${tail}` : ''}`, {
        cure: `see ${log}; if temporal.db is damaged, move it away`, cause: error,
      })
    }
    await writeFile(join(dir, 'temporal.json'), JSON.stringify({ port, uiPort }), { mode: 0o600 })
    return { pid: child.pid, marker: temporalMarker(dir), address, port, uiPort, namespace, uiUrl: `http://127.0.0.1:${uiPort}`, exited: child.exited, stop }
  }
}

type Ports = Pick<TemporalServer, 'port' | 'uiPort'>

async function choose(options: TemporalServerOptions, last: Partial<Ports>): Promise<Ports> {
  const port = await claimPort(options.port, last.port, 7233)
  return { port, uiPort: await claimPort(options.uiPort, last.uiPort, port + 1000, 8233) }
}

function args(dir: string, namespace: string, port: number, uiPort: number, settings: string | null): string[] {
  return [
    'server', 'start-dev', '--db-filename', temporalMarker(dir), '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort),
    '--log-level', 'error', '--ui-disable-news-fetch', '--namespace', namespace,
    ...(settings === null ? [] : ['--env-file', settings, '--env', SETTINGS_NAME]),
    ...SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
    ...DYNAMIC_CONFIG.flatMap((value) => ['--dynamic-config-value', value]),
    ...PRAGMAS.flatMap((value) => ['--sqlite-pragma', value]),
  ]
}

const SETTINGS_NAME = 'isthmus'

/** Flags of the Temporal CLI in a file (mode 600) instead of its arguments, which everybody on the machine can read. */
async function writeSettings(dir: string, flags: Record<string, string>): Promise<string> {
  const file = join(dir, 'temporal-cli.yaml')
  await writeFile(file, JSON.stringify({ env: { [SETTINGS_NAME]: flags } }), { mode: 0o600 })
  return file
}

async function lastPorts(dir: string): Promise<Partial<Ports>> {
  try {
    return JSON.parse(await readFile(join(dir, 'temporal.json'), 'utf8')) as Partial<Ports>
  } catch {
    return {}
  }
}

async function ready(child: LoggedChild, address: string, namespace: string): Promise<void> {
  let ended: string | null = null
  void child.exited.then((how) => { ended = how })
  const deadline = Date.now() + READY_MS
  let missing = 'it does not answer'
  while (Date.now() < deadline) {
    if (ended) throw new Error(`it ${ended}`)
    try {
      const client = await connectClient({ address, namespace }, { timeoutMs: 1000 })
      try {
        const names = await missingSearchAttributes(client)
        if (names.length === 0) return
        missing = `it lacks the search attributes ${names.join(', ')}`
      } finally {
        await client.connection.close()
      }
    } catch {
      // Not up yet.
    }
    await sleep(50)
  }
  throw new Error(`${missing} after ${READY_MS / 1000} s`)
}
