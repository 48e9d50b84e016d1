import { afterEach, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../index.ts'

let sim: Simulator
afterEach(() => sim.close())
const post = (body: unknown, key?: string): Promise<Response> =>
  fetch(`${sim.url}/sink/notes`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) } })

it('knows keys, counts doubles, and finds what it holds', async () => {
  sim = await startSimulator()
  const first = await post({ id: 'a', amount: 1 }, 'k1')
  const again = await post({ id: 'a', amount: 1 }, 'k1')
  expect([first.status, again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 201, 'true'])
  expect(await again.json()).toEqual(await first.json())
  expect((await post({ id: 'a', amount: 2 }, 'k1')).status).toBe(422)
  await post({ id: 'a', amount: 3 })
  expect(((await (await fetch(`${sim.url}/sink/notes?external_id=a`)).json()) as { data: unknown[] }).data).toHaveLength(2)
  expect((await fetch(`${sim.url}/sink/notes/b`)).status).toBe(404)
  const batch = await post({ items: [{ id: 'c' }, { id: 'd', amount: 'n/a' }] })
  expect(((await batch.json()) as { results: unknown[] }).results).toMatchObject([{ status: 201, external_id: 'c' }, { status: 422 }])
  expect(sim.stats().sink).toMatchObject({ writes: 5, created: 3, duplicates: 1, replays: 1, keyMismatches: 1, refused: 1, lookups: 2 })
  expect(sim.sink('notes').map((r) => r.business)).toEqual(['a', 'a', 'c'])
})

it('commits, then loses the answer as often as it should, the same way for a seed', async () => {
  const lost: string[] = []
  for (let round = 0; round < 2; round++) {
    sim = await startSimulator({ seed: 9, sinkCut: 0.2, sinkError: 0.2 })
    const fates: string[] = []
    for (let i = 0; i < 60; i++) fates.push(await post({ id: i }).then((r) => String(r.status), () => 'cut'))
    expect(sim.sink('notes')).toHaveLength(60)
    expect(sim.stats().sink).toMatchObject({ cuts: fates.filter((f) => f === 'cut').length, errors: fates.filter((f) => f === '500').length })
    expect(fates.filter((f) => f === 'cut').length).toBeGreaterThan(3)
    lost.push(fates.join())
    if (round === 0) await sim.close()
  }
  expect(lost[0]).toBe(lost[1])
})
