import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Door } from './door.ts'

const never = new AbortController().signal

/** A run of `ms` that enters and works. */
async function run(door: Door, name: string, ms: number, seen: { now: number; most: number }): Promise<void> {
  await door.enter(name, never)
  await door.work(name, null, async () => {
    seen.now += 1
    seen.most = Math.max(seen.most, seen.now)
    await sleep(ms)
    seen.now -= 1
  })
}

describe('the door', () => {
  it('lets few runs in while the process is busy, and one more now and then', async () => {
    const door = new Door({ load: () => 1 })
    const seen = { now: 0, most: 0 }
    const stop = new AbortController()
    for (let i = 0; i < 4; i += 1) void run(door, `r${i}`, 20_000, seen)
    await sleep(1_000)
    expect(seen.now).toBe(4)
    const fifth = run(door, 'fifth', 10, seen)
    await sleep(2_000)
    expect(seen.most).toBe(4)
    await fifth
    expect(seen.most).toBe(5)
    const given = door.enter('sixth', stop.signal)
    stop.abort(new Error('the worker stops'))
    await expect(given).rejects.toThrow('the worker stops')
  }, 30_000)

  it('lets a run in that is at work already, and all of them where nothing is busy, to a bound', async () => {
    const door = new Door({ load: () => 0 })
    const seen = { now: 0, most: 0 }
    const open = Array.from({ length: 60 }, (_, i) => run(door, `r${i}`, 8_000, seen))
    const more = run(door, 'more', 0, seen)
    await sleep(6_000)
    expect(seen.most).toBe(60)
    // Its turn comes after that of the one that waits at the door, and then it need not wait.
    const again = door.enter('r1', never)
    await Promise.all([...open, more, again])
    expect(seen.most).toBe(60)
  }, 30_000)

  it('lets one more in now and then also where all places are taken for long', async () => {
    const door = new Door({ load: () => 0, longestMs: 3_000 })
    const seen = { now: 0, most: 0 }
    const stop = new AbortController()
    for (let i = 0; i < 60; i += 1) void door.work(`r${i}`, null, () => sleep(60_000, undefined, { signal: stop.signal, ref: false }).catch(() => undefined))
    const began = performance.now()
    await run(door, 'more', 0, seen)
    expect(performance.now() - began).toBeGreaterThan(2_500)
    stop.abort()
  }, 60_000)

  it('is closed while steps come late, whatever the clocks of the two machines are', async () => {
    const door = new Door({ load: () => 0 })
    for (let i = 0; i < 4; i += 1) void door.work(`r${i}`, -7_000, () => sleep(3_000))
    await door.work('r0', -6_000, async () => undefined)
    const began = performance.now()
    await door.enter('other', never)
    expect(performance.now() - began).toBeGreaterThan(1_000)
    await door.work('r0', -6_990, async () => undefined)
    const then = performance.now()
    await door.enter('one more', never)
    expect(performance.now() - then).toBeLessThan(1_000)
  }, 30_000)
})
