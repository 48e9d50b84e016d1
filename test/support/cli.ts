import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'

const BIN = fileURLToPath(new URL('../../bin/isthmus.js', import.meta.url))

export interface CliResult {
  code: number | null
  stdout: string
  stderr: string
  /** Last line of stdout as JSON; null when it is none. */
  json: any
}

export interface Project {
  dir: string
  /** Writes files below the project. */
  write(files: Record<string, string>): Promise<void>
  /** Runs the real command line in the project. */
  isthmus(args: string[], env?: Record<string, string>): Promise<CliResult>
  /** The same without waiting. `bin`: the command of another release. */
  spawn(args: string[], env?: Record<string, string>, bin?: string): ChildProcess
  /** Starts `isthmus dev` and waits until everything is up. */
  dev(env?: Record<string, string>, bin?: string, args?: string[]): Promise<Dev>
  /** Stops what was started and removes the folder. */
  close(): Promise<void>
}

export interface Dev {
  child: ChildProcess
  databaseUrl: string
  temporal: { address: string; namespace: string; uiUrl: string }
  /** Endpoint of the codec server, with its token. */
  codec: string
  query<R extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<R[]>
  stop(): Promise<number | null>
}

function cleanEnv(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...extra }
  for (const name of ['TEMPORAL_ADDRESS', 'DATABASE_URL', 'FORCE_COLOR', 'VITEST', 'NODE_ENV']) if (!(name in extra)) delete env[name]
  return env
}

/** A project in a folder of its own, driven through the built command line as a person would. */
export async function makeProject(files: Record<string, string> = {}): Promise<Project> {
  const dir = await mkdtemp(join(tmpdir(), 'isthmus-test-'))
  const devs: Dev[] = []
  const project: Project = {
    dir,
    async write(more) {
      for (const [name, text] of Object.entries(more)) {
        await mkdir(dirname(join(dir, name)), { recursive: true })
        await writeFile(join(dir, name), text)
      }
    },
    spawn: (args, env, bin = BIN) => spawn(process.execPath, [bin, ...args], { cwd: dir, env: cleanEnv(env), stdio: ['ignore', 'pipe', 'pipe'] }),
    async isthmus(args, env) {
      const child = project.spawn(args, env)
      let stdout = ''
      let stderr = ''
      child.stdout!.on('data', (d: Buffer) => (stdout += d.toString()))
      child.stderr!.on('data', (d: Buffer) => (stderr += d.toString()))
      const [code] = (await once(child, 'close')) as [number | null]
      return { code, stdout, stderr, json: lastJson(stdout) }
    },
    async dev(env, bin, args = []) {
      const dev = await startDev(project.spawn(['dev', '--json', ...args], env, bin))
      devs.push(dev)
      return dev
    },
    async close() {
      for (const dev of devs) await dev.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
  await project.write(files)
  return project
}

function lastJson(stdout: string): unknown {
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  } catch {
    return null
  }
}

async function startDev(child: ChildProcess): Promise<Dev> {
  let stderr = ''
  child.stderr!.on('data', (d: Buffer) => (stderr += d.toString()))
  const line = await new Promise<string>((resolve, reject) => {
    let stdout = ''
    child.stdout!.on('data', (d: Buffer) => {
      stdout += d.toString()
      if (stdout.includes('\n')) resolve(stdout.slice(0, stdout.indexOf('\n')))
    })
    child.once('exit', (code) => reject(new Error(`isthmus dev ended with ${code}: ${stderr}`)))
  })
  const { databaseUrl, temporal, codec } = JSON.parse(line) as Pick<Dev, 'databaseUrl' | 'temporal' | 'codec'>
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  pool.on('error', () => undefined)
  return {
    child, databaseUrl, temporal, codec,
    query: async (sql, values) => (await pool.query(sql, values)).rows as never,
    async stop() {
      if (!pool.ended) await pool.end()
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      child.kill('SIGINT')
      const [code] = (await once(child, 'exit')) as [number | null]
      return code
    },
  }
}
