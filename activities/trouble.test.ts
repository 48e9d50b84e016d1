import { expect, it } from 'vitest'
import { IsthmusError } from '../model/errors.ts'
import { redactor } from '../model/redact/index.ts'
import { folderStage } from '../stage/index.ts'
import { telling, type Tried } from './trouble.ts'

const target = { sync: 'orders', run: 'r1', plan: 'p', stream: 'orders', round: 0 }

function recorded(store: object = {}) {
  const lines = new Map<string, string>()
  const progress: unknown[] = []
  const deps = {
    stage: folderStage('/nowhere'),
    store: {
      logOnce: async (key: string, { run, level, message }: { run: string; level: string; message: string }) => void (lines.has(`${run} ${key}`) || lines.set(`${run} ${key}`, `${run} ${level} ${message}`)),
      saveProgress: async (run: string, { phase, wait }: { phase: string; wait: { reason: string } | null }) => void progress.push([run, phase, wait?.reason ?? null]),
      ...store,
    },
  } as never
  const signal = new AbortController().signal
  const attempt = (n: number, work: () => Promise<string>, tried: Partial<Tried> = {}, aborted = false) =>
    telling(deps, { name: 'post', seq: 3, target, ...tried }, { attempt: n, signal: aborted ? AbortSignal.abort() : signal }, work)
  return { lines: () => [...lines.values()], progress, attempt }
}
const fails = (error: unknown) => () => Promise.reject(error as Error)

it('tells from the second failure on, once, and that it is over', async () => {
  const { lines, progress, attempt } = recorded()
  const error = new IsthmusError('Transient', 'the database has no space left', { cure: 'give it some' })
  await expect(attempt(1, fails(error))).rejects.toBe(error)
  expect([lines(), progress]).toEqual([[], []])
  for (const n of [2, 3, 4]) await expect(attempt(n, fails(error))).rejects.toBe(error)
  expect(await attempt(5, async () => 'done')).toBe('done')
  expect(lines()).toEqual([
    'r1 warn chunk 3: post fails and is tried again until it is done: the database has no space left: give it some',
    'r1 info chunk 3: post is done, at attempt 5',
  ])
  expect(progress).toEqual([...Array.from({ length: 3 }, () => ['r1', 'waiting', 'the database has no space left: give it some']), ['r1', 'posting', null]])
})

it('shows no secret, also of errors that nobody foresaw', async () => {
  const { lines, attempt } = recorded()
  redactor.add('s3cret-of-trouble')
  await expect(attempt(2, fails(new Error('at s3cret-of-trouble')), { name: 'map', seq: null })).rejects.toThrow()
  expect(lines()).toHaveLength(1)
  expect(lines()[0]).toMatch(/^r1 warn map fails .*: at /)
  expect(lines()[0]).not.toContain('s3cret')
})

it('says nothing of what is parked, of what is cancelled, nor of a blip', async () => {
  const { lines, progress, attempt } = recorded()
  await expect(attempt(2, fails(new IsthmusError('Contract', 'no')))).rejects.toThrow('no')
  await expect(attempt(2, fails(new Error('aborted')), {}, true)).rejects.toThrow('aborted')
  await attempt(2, async () => 'done')
  expect([lines(), progress]).toEqual([[], []])
})

it('a window of a backfill tells the backfill, and leaves the live view to its workflow', async () => {
  const { lines, progress, attempt } = recorded()
  await expect(attempt(2, fails(new Error('down')), { target: { ...target, range: { of: 'b1', take: 1 } as never } })).rejects.toThrow()
  expect(lines()).toEqual([expect.stringMatching(/^b1 warn chunk 3: post fails/)])
  expect(progress).toEqual([])
})

it('does not wait for a database that is away', async () => {
  const { attempt } = recorded({ saveProgress: () => new Promise(() => {}), logOnce: () => Promise.reject(new Error('away')) })
  const began = performance.now()
  await expect(attempt(2, fails(new Error('down')))).rejects.toThrow('down')
  expect(performance.now() - began).toBeLessThan(5_000)
})
