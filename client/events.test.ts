import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { IsthmusError } from '../model/errors.ts'
import { sentEvents } from './events.ts'
import type { ProgressEvent } from './handle.ts'

const state = (outcome: ProgressEvent['outcome'], more: Partial<ProgressEvent> = {}): ProgressEvent => ({ run: 'r', outcome, streams: [], receipt: null, ...more })

/** A run that tells these states and then nothing more until it is no longer asked. */
function run(states: (ProgressEvent | Error)[]): { progress(signal: AbortSignal): AsyncGenerator<ProgressEvent>; left: boolean } {
  const handle = {
    left: false,
    async *progress(signal: AbortSignal): AsyncGenerator<ProgressEvent> {
      signal.addEventListener('abort', () => (handle.left = true), { once: true })
      for (const one of states) {
        if (one instanceof Error) throw one
        yield one
      }
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
  }
  return handle
}
const all = async (events: AsyncGenerator<string>): Promise<string[]> => {
  const found: string[] = []
  for await (const event of events) found.push(event)
  return found
}

it('progress, heartbeats while nothing changes, and the end', async () => {
  const followed = run([state('running'), state('parked')])
  expect((await all(sentEvents(followed))).map((e) => e.replace(/\nid: [\w.-]+/, ''))).toEqual([
    `event: progress\ndata: ${JSON.stringify(state('running'))}\n\n`, `event: progress\ndata: ${JSON.stringify(state('parked'))}\n\n`, 'event: end\ndata: {"run":"r","outcome":"parked","receipt":null}\n\n',
  ])
  const idle = sentEvents(run([state('running')]), { heartbeatMs: 5 })
  await idle.next()
  expect([(await idle.next()).value, (await idle.next()).value]).toEqual([': still here\n\n', ': still here\n\n'])
  await idle.return(undefined)
})

it('a reader that comes back gets neither a state twice nor a gap; behind the end there is nothing', async () => {
  const states = [state('running'), state('running', { run: 'r2' }), state('completed')]
  const seen = await all(sentEvents(run(states)))
  const ids = seen.map((e) => /^id: (\S+)$/m.exec(e)?.[1] ?? '')
  expect([new Set(ids).size, ids[3]]).toEqual([4, `${ids[2]!}.end`])
  // States that have gone by while it was away are not told again: each state is whole.
  for (const [at, id] of ids.entries()) expect([...seen.slice(0, at + 1), ...(await all(sentEvents(run(states.slice(Math.min(at, 2))), { lastEventId: id })))]).toEqual(seen)
  for (const lastEventId of ['garbage', '.end', '\u{1F600}'.repeat(999)]) expect(await all(sentEvents(run(states), { lastEventId }))).toEqual(seen)
})

it('asks nothing more when its reader has gone, with a signal at once and without one at the next frame', async () => {
  const told = run([state('running')])
  const gone = new AbortController()
  const events = sentEvents(told, { signal: gone.signal })
  await events.next()
  const next = events.next()
  gone.abort()
  expect((await next).done).toBe(true)
  await expect.poll(() => told.left).toBe(true)
  const untold = run([state('running')])
  const stream = Readable.from(sentEvents(untold, { heartbeatMs: 20 }))
  stream.once('data', () => stream.destroy())
  await expect.poll(() => untold.left).toBe(true)
})

it('an error ends it, without secrets', async () => {
  const [frame, ...more] = await all(sentEvents(run([new IsthmusError('Transient', 'PostgreSQL is away')])))
  expect([frame, more]).toEqual(['event: error\ndata: {"type":"Transient","message":"PostgreSQL is away"}\n\n', []])
  expect((await all(sentEvents(run([new Error('postgres://user:password@host')])))).join('')).not.toContain('password')
})
