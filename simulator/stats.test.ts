import { afterEach, expect, it } from 'vitest'
import type { Simulator } from './server.ts'
import { startSimulator } from './server.ts'
import { clientToken, get, postJson } from './testing/client.ts'

let sim: Simulator
afterEach(() => sim.close())

it('counts requests, addresses asked twice, records, statuses, and starts anew', async () => {
  sim = await startSimulator({ records: { transactions: 250 }, faultAt: { 4: 'garbage-json', 5: 'status:500' } })
  for (const path of ['/page/transactions?page=1', '/page/transactions?page=2', '/page/transactions?page=1', '/page/transactions?page=3', '/page/transactions?page=3', '/page/transactions?page=3', '/v1/transactions/txn_00000001', '/nowhere', '/page/transactions?page=1&api_key=k1', '/page/transactions?page=1&api_key=k1']) await get(sim, path)
  await clientToken(sim)
  const stats = sim.stats()
  expect(stats).toMatchObject({
    requests: 11,
    dataRequests: 9,
    perPath: { '/page/transactions': 8, '/v1/transactions/:id': 1, other: 1, '/oauth/token': 1 },
    // The garbled and the failed answer to page 3 do not count as given.
    distinctDataUrls: 5,
    duplicates: 2,
    duplicateUrls: [{ url: '/page/transactions?page=1', times: 2 }, { url: '/page/transactions?page=1&api_key=...', times: 2 }],
    statuses: { 200: 9, 500: 1, 404: 1 },
    faults: { 'garbage-json': 1, 'status:500': 1 },
    tokensIssued: 1,
    recordsServed: 551,
    highestConcurrency: 1,
  })
  expect(JSON.parse((await get(sim, '/_sim/stats')).text)).toEqual(stats)
  expect((await postJson(sim, '/_sim/stats/reset', {})).status).toBe(200)
  expect(sim.stats()).toMatchObject({ requests: 0, duplicates: 0, duplicateUrls: [], statuses: {}, recordsServed: 0, highestPerSecond: 0 })
})

it('does not count a page that was cut off', async () => {
  sim = await startSimulator({ records: { transactions: 50 }, faultAt: { 1: 'cut' } })
  await expect(get(sim, '/page/transactions')).rejects.toThrow()
  await get(sim, '/page/transactions')
  expect(sim.stats()).toMatchObject({ duplicates: 0, distinctDataUrls: 1, recordsServed: 50 })
})

it('sees what is under way at once', async () => {
  sim = await startSimulator({ latencyMs: 60 })
  await Promise.all(Array.from({ length: 7 }, () => get(sim, '/page/transactions?per_page=1')))
  expect(sim.stats()).toMatchObject({ highestConcurrency: 7, highestPerSecond: 7, duplicates: 6 })
})
