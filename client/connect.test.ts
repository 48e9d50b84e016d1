import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findTemporal } from './connect.ts'

let dir = ''
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), 'isthmus-connect-'))))
afterAll(() => rm(dir, { recursive: true, force: true }))

it('addresses that a program gives suffice, and count before those of the environment', async () => {
  const given = { temporal: { address: 'given:7233', namespace: 'n' }, databaseUrl: 'postgresql://given/x' }
  const env = { TEMPORAL_ADDRESS: 'env:7233', DATABASE_URL: 'postgresql://env/x', ISTHMUS_TEMPORAL_UI: 'http://ui/' }
  expect(await findTemporal(dir, {}, given)).toEqual({ temporal: { ...given.temporal, uiUrl: null }, databaseUrl: given.databaseUrl })
  expect(await findTemporal(dir, env, given)).toEqual({ temporal: { ...given.temporal, uiUrl: 'http://ui' }, databaseUrl: given.databaseUrl })
  expect(await findTemporal(dir, { DATABASE_URL: env.DATABASE_URL }, { temporal: given.temporal })).toMatchObject({ temporal: given.temporal, databaseUrl: env.DATABASE_URL })
  expect(await findTemporal(dir, { TEMPORAL_ADDRESS: env.TEMPORAL_ADDRESS }, { databaseUrl: given.databaseUrl })).toMatchObject({ temporal: { address: 'env:7233' }, databaseUrl: given.databaseUrl })
  for (const half of [{}, { temporal: given.temporal }]) {
    const found = findTemporal(dir, {}, half)
    await ('temporal' in half ? expect(found).resolves.toMatchObject({ databaseUrl: null }) : expect(found).rejects.toMatchObject({ type: 'Unreachable' }))
  }
})
