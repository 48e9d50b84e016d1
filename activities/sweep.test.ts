import { expect, it } from 'vitest'
import type { ActivityDeps } from './deps.ts'
import { Sweep } from './sweep.ts'

function counted(fail: () => boolean = () => false): { deps: Pick<ActivityDeps, 'stage' | 'store'>; done: string[] } {
  const done: string[] = []
  const note = (what: string) => async (ms: number): Promise<void> => {
    if (fail()) throw new Error('disk full')
    done.push(`${what} ${ms / 86_400_000}`)
  }
  return { deps: { stage: { purge: note('raw') }, store: { purgeRejects: note('rejects'), purgeRemaps: note('remaps') } } as never, done }
}

it('sweeps behind the first run, then once an hour, whatever number of runs end', async () => {
  const { deps, done } = counted()
  let now = 0
  const sweep = new Sweep(deps, () => now)
  const ends = await Promise.all(Array.from({ length: 50 }, () => sweep.due()))
  expect(ends.filter(Boolean)).toHaveLength(1)
  expect(done).toEqual(['raw 7', 'rejects 90', 'remaps 7'])
  now = 3_599_000
  expect(await sweep.due()).toBe(false)
  now = 3_600_000
  expect(await sweep.due()).toBe(true)
  expect(done).toHaveLength(6)
})

it('one that fails is done again behind the next run', async () => {
  let broken = true
  const { deps, done } = counted(() => broken)
  const sweep = new Sweep(deps, () => 0)
  await expect(sweep.due()).rejects.toThrow('disk full')
  broken = false
  expect(await sweep.due()).toBe(true)
  expect(done).toHaveLength(3)
})
