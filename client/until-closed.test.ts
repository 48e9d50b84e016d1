import type { Client } from '@temporalio/client'
import { expect, it } from 'vitest'
import { IsthmusError } from '../model/errors.ts'
import type { RunSummary, Store } from '../model/ports.ts'
import { RunHandle } from './handle.ts'
import { untilClosed } from './until-closed.ts'

it('whoever follows a run when the client is closed is told so, and not left waiting for an outage', async () => {
  let ended = false
  // As PostgreSQL's pool answers behind its end.
  const asked = <T>(value: T) => async (): Promise<T> => {
    if (ended) throw new IsthmusError('Transient', 'Cannot use a pool after calling end on the pool', { cause: new Error('ended') })
    return value
  }
  const summary = { run: 'r', sync: 's', workflowId: 'sync/s', temporalRunId: 't', outcome: 'running' } as RunSummary
  const store = untilClosed({ progress: asked([]), getRun: asked(summary), logs: asked([]), close: async () => void (ended = true) } as unknown as Store)
  const run = new RunHandle(store, { workflow: { getHandle: () => ({ describe: async () => ({ status: { name: 'RUNNING' } }) }) } } as unknown as Client, summary, null)
  const states = run.progress()
  expect((await states.next()).value).toMatchObject({ outcome: 'running' })
  const next = states.next()
  await store.close()
  const closed = { type: 'InvalidInput', message: 'this client of Isthmus was closed' }
  await expect(next).rejects.toMatchObject(closed)
  for (const call of [() => run.status(), () => run.result(), () => run.live()]) await expect(call()).rejects.toMatchObject(closed)
  const frames: string[] = []
  for await (const frame of run.events()) frames.push(frame)
  expect(frames).toEqual([expect.stringMatching(/^event: error\ndata: .*was closed/)])
})
