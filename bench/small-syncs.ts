/** What the benchmarks of many small syncs share: an API, a project, its own Temporal and PostgreSQL, and what its processes take. */
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { Isthmus } from '../client/index.ts'
import { startStack } from '../workers/index.ts'

export const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** Starts everything for `syncs` syncs that each read 20 records in two requests. */
export async function openSmallSyncs(syncs: number) {
  const api = createServer((req, res) => {
    const first = new URL(req.url!, 'http://x').searchParams.get('page') === '1'
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify({ data: Array.from({ length: first ? 20 : 0 }, (_, i) => ({ id: `r${i}`, name: `name ${i}` })) }))
  })
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`
  const text = (i: number, schedule: string): string => `import { defineSync, fields, pageNumber, postgres, rest, z } from 'isthmus'
export default defineSync({
  from: rest({ connection: 'bench-${i % 50}', baseUrl: '${url}', limits: [] }).stream('items', { path: '/items', records: 'data', key: 'id', page: pageNumber({ size: 100 }) }),
  to: postgres.table('bench_${i}'), model: z.object({ id: z.string(), name: z.string() }), map: fields({ id: 'id', name: 'name' }), ${schedule}
})
`
  const projectDir = await mkdtemp(join(tmpdir(), 'isthmus-bench-'))
  await mkdir(join(projectDir, 'syncs'))
  const stack = await startStack({ projectDir })
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))
  const isthmus = new Isthmus({ projectDir })
  const pool = new pg.Pool({ connectionString: stack.databaseUrl, max: 1 })
  return {
    isthmus,
    pool,
    /** Aborted by Ctrl-C. */
    signal: stop.signal,
    /** Writes the syncs' files, with `schedule: ...` or `every: ...`. */
    write: (schedule: string): Promise<unknown> => Promise.all(Array.from({ length: syncs }, (_, i) => writeFile(join(projectDir, `syncs/s${i}.ts`), text(i, schedule)))),
    /** Resident memory of the worker's process, MiB (read from /proc, Linux). */
    memory(): number {
      const { pid } = stack.children.find((c) => c.name === 'worker')!
      return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
    },
    /** Processor seconds of each server since its start (read from /proc, Linux). */
    processor: (): Record<string, number> => Object.fromEntries(stack.children.map((c) => [c.name, used(c.pid)])),
    async close(): Promise<void> {
      await isthmus.close()
      await pool.end()
      await stack.stop()
      api.close()
      await rm(projectDir, { recursive: true, force: true })
    },
  }
}

/** Processor seconds of a process: its own, of those children it has waited for, and of living ones (PostgreSQL's backends). */
function used(pid: number): number {
  const ticks = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').slice(11, 15).map(Number)
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return ticks.reduce((sum, n) => sum + n, 0) / 100 + children.reduce((sum, child) => sum + used(Number(child)), 0)
}

/** Processor seconds between two looks. */
export function between(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([name, s]) => [name, Math.round((s - (before[name] ?? 0)) * 10) / 10]))
}
