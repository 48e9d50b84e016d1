import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { keepRunning, type Managed } from './keep-running.ts'

/** Parts that live as long as told, and when each was started. */
function parts(lifeMs: (n: number) => number) {
  const starts: number[] = []
  const start = async (): Promise<Managed> => {
    starts.push(performance.now())
    const stopped = new AbortController()
    const exited = sleep(lifeMs(starts.length), undefined, { signal: stopped.signal }).then(() => 'was ended by SIGKILL', () => 'was stopped')
    return { pid: starts.length, marker: '', exited, stop: async () => stopped.abort() }
  }
  return { start, starts, pauses: () => starts.slice(1).map((at, i) => at - starts[i]! - lifeMs(i + 1)) }
}
const hooks = { log: () => {}, started: async () => {} }

describe('keepRunning', () => {
  it('starts a part that was well at once, however often it dies', async () => {
    const all = parts((n) => (n <= 2 ? 2_050 : 60_000))
    const kept = await keepRunning('It', all.start, hooks)
    await sleep(2 * 2_350 + 400)
    await kept.stop()
    expect(all.starts).toHaveLength(3)
    for (const pause of all.pauses()) expect(pause).toBeLessThan(600)
  }, 20_000)

  it('waits longer and longer for one that falls over at once', async () => {
    const all = parts(() => 10)
    const kept = await keepRunning('It', all.start, hooks)
    await sleep(4_500)
    await kept.stop()
    // 250, 500, 1000, 2000 ms
    expect(all.starts.length).toBeGreaterThanOrEqual(4)
    expect(all.starts.length).toBeLessThanOrEqual(5)
  }, 20_000)
})
