import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { postgresDestination } from '../destinations/postgres/index.ts'
import type { RowDestination } from '../model/ports.ts'
import { folderStage } from '../stage/index.ts'
import { testDatabase, type TestDatabase } from '../test/support/postgres.ts'
import { column, streamPlan } from '../test/support/stream-plan.ts'
import type { OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import { postChunk } from './post.ts'
import type { PostStepRequest } from './types.ts'

let database: TestDatabase
let destination: RowDestination
let dir: string
beforeAll(async () => {
  database = await testDatabase()
  destination = postgresDestination(database.url)
  dir = await mkdtemp(join(tmpdir(), 'isthmus-post-'))
})
afterAll(async () => {
  await destination?.close()
  await database?.close()
  await rm(dir, { recursive: true, force: true })
})

it('finds a committed chunk again when its rows are gone, and tells when an uncommitted one has lost them', async () => {
  const stage = folderStage(dir)
  const plan = streamPlan({ table: 'orders', columns: [column('id')], mode: 'append' })
  const { epoch } = await destination.begin(plan, 'post/orders', 'r')
  const deps = { stage, store: { saveProgress: async () => {} } } as unknown as ActivityDeps
  const streams = { get: async () => ({ stream: plan, streamKey: 'post/orders', destination }) } as unknown as OpenStreams
  const post = async (seq: number, file: string) => {
    const rows = { run: 'r', stream: 'orders', seq, file, rows: 2, bytes: 4, rejectsFile: '', rejected: 0, filtered: 0, read: 2, watermark: null }
    return postChunk(deps, streams, { run: 'r', stream: 'orders', epoch, rows, position: null, last: false, before: {} } as unknown as PostStepRequest, { signal: new AbortController().signal, attempt: 1, waited: 0, beat: () => {} })
  }
  const first = await stage.newFile({ run: 'r', stream: 'orders', seq: 1 }, 'rows')
  await appendFile(first.path, 'a\nb\n')
  expect(await post(1, first.ref)).toMatchObject({ inserted: 2, repeated: false })
  // The attempt that committed has dropped the file; its answer was lost, so the step is repeated.
  await expect(stage.path(first.ref)).rejects.toMatchObject({ type: 'StageLost' })
  expect(await post(1, first.ref)).toMatchObject({ inserted: 2, repeated: true })

  const second = await stage.newFile({ run: 'r', stream: 'orders', seq: 2 }, 'rows')
  await rm(second.path)
  await expect(post(2, second.ref)).rejects.toMatchObject({ type: 'StageLost' })
})
