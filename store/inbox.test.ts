import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../model/ports.ts'
import { testDatabase, type TestDatabase } from '../test/support/postgres.ts'
import { loadVaultKey, openStore } from './index.ts'

let database: TestDatabase
let store: Store
let reader: pg.Client
beforeAll(async () => {
  database = await testDatabase()
  store = await openStore(database.url, { key: await loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('hex') }, projectDir: '/' }) })
  await store.migrate()
  reader = new pg.Client({ connectionString: database.url })
  await reader.connect()
})
afterAll(async () => {
  await reader?.end()
  await store?.close()
  await database?.close()
})

describe('the inbox', () => {
  it('takes each event once, and whoever reads on behind a number misses none', async () => {
    const ids = Array.from({ length: 400 }, (_, i) => `e${i}`)
    let done = false
    const seen: string[] = []
    const follow = (async () => {
      for (let after = '0', last = false; ; ) {
        const { rows } = await reader.query<{ seq: string; event: string }>("select seq, event from isthmus.inbox where webhook = 'w' and seq > $1 order by seq", [after])
        seen.push(...rows.map((r) => r.event))
        after = rows.at(-1)?.seq ?? after
        if (last) return
        last = done
      }
    })()
    // Each is sent twice, by many at once, in requests of several.
    const requests = [...ids, ...ids.toReversed()].reduce<string[][]>((all, id, i) => (i % 4 === 0 ? all.push([id]) : all.at(-1)!.push(id), all), [])
    const counts: number[] = []
    await Promise.all(Array.from({ length: 8 }, async (_, n) => {
      for (const request of requests.filter((_r, i) => i % 8 === n)) counts.push(await store.receive('w', request.map((id) => ({ id, type: 't', body: '{"n":0.10}' }))))
    }))
    done = true
    await follow
    expect(counts.reduce((a, b) => a + b)).toBe(400)
    expect(seen).toHaveLength(400)
    expect(new Set(seen)).toEqual(new Set(ids))
  })

  it('knows which webhooks have events that no sync was told of', async () => {
    expect(await store.inboxState('none')).toBeNull()
    await store.receive('a', [{ id: '1', type: 'x', body: '{"t":"\\u0000"}' }, { id: '2', type: 'y', body: '{}' }])
    const { last, told } = (await store.inboxState('a'))!
    expect(told).toBe(0)
    expect((await store.inboxTypes('a', told, last)).toSorted()).toEqual(['x', 'y'])
    expect(await store.inboxPending()).toContain('a')
    await store.inboxTold('a', last)
    await store.inboxTold('a', last - 1)
    expect(await store.inboxPending()).not.toContain('a')
    await store.receive('a', [{ id: '3', type: 'z', body: '{}' }])
    await store.purgeInbox(0)
    const { rows } = await reader.query<{ event: string }>("select event from isthmus.inbox where webhook = 'a'")
    expect(rows).toEqual([{ event: '3' }])
  })
})
