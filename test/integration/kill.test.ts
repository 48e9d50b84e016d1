import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../simulator/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const RECORDS = 12_000
const KILLS = 4

/** The worker dies without a word while it works; the run goes on in the next one. Oracle: the API's own log and the rows. */
describe('a worker that is killed', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator

  beforeAll(async () => {
    sim = await startSimulator({ records: { transactions: RECORDS }, latencyMs: 60 })
    project = await makeProject({
      'syncs/killed.ts': `import { cursor, defineSync, env, fields, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL') }).stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 50, sizeParam: 'limit' }) }),
  to: postgres.table('killed'),
  model: z.object({ id: z.string(), amount: t.decimal() }),
  map: fields({ id: 'id', amount: 'amount' }),
})
`,
    })
    dev = await project.dev()
  })
  afterAll(async () => {
    await project?.close()
    await sim?.close()
  })

  const workerPid = (): number | null => {
    const file = JSON.parse(readFileSync(join(project.dir, '.isthmus/dev.json'), 'utf8')) as { children: { name: string; pid: number }[] }
    return file.children.find((c) => c.name === 'worker')?.pid ?? null
  }

  it(`loses and doubles nothing over ${KILLS} SIGKILLs`, async () => {
    const running = project.isthmus(['run', 'killed', '--json'], { SIM_URL: sim.url })
    let kills = 0
    // Fixed moments, none a multiple of a chunk's time.
    for (const wait of [2_300, 2_900, 3_700, 2_700].slice(0, KILLS)) {
      await sleep(wait)
      const pid = workerPid()
      if (pid === null) continue
      try {
        process.kill(pid, 'SIGKILL')
        kills += 1
      } catch {
        // it was between two lives
      }
    }
    const result = await running
    expect(kills).toBeGreaterThanOrEqual(2)
    expect(result.json).toMatchObject({ outcome: 'completed', total: { read: RECORDS, inserted: RECORDS } })
    const rows = await dev.query<{ id: string; amount: string }>('select id, amount::text from killed order by id')
    expect(rows).toHaveLength(RECORDS)
    for (const [i, row] of rows.entries()) {
      const source = sim.record('transactions', i)!
      expect(source).toContain(`"id":"${row.id}"`)
      expect(source).toContain(`"amount":${row.amount},`)
    }
    // The page under way and the one asked for ahead of it.
    expect(sim.stats().duplicates).toBeLessThanOrEqual(2 * kills)
  }, 180_000)
})
