import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { answered } from './answered.ts'

type Asked = Parameters<typeof answered>[0]

/** A server whose queues were polled so long ago, in seconds; null: never. */
function server(polledAgo: () => number | null): Asked {
  return {
    options: { namespace: 'default' },
    withDeadline: (_: unknown, ask: () => Promise<unknown>) => ask(),
    withAbortSignal: (signal: AbortSignal, ask: () => Promise<unknown>) => Promise.race([ask(), new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cancelled'))))]),
    workflowService: { describeTaskQueue: async () => ({ pollers: polledAgo() === null ? [] : [{ identity: 'w', lastAccessTime: { seconds: Date.now() / 1000 - polledAgo()! } }] }) },
  } as unknown as Asked
}

describe('an order to a workflow', () => {
  const never = (): Promise<string> => new Promise<string>(() => undefined)

  it('is waited for while a worker runs', async () => {
    expect(await answered(server(() => 1), () => sleep(60, 'paused'), 10)).toBe('paused')
    await expect(answered(server(() => 1), () => sleep(60).then(() => Promise.reject(new Error('refused'))), 10)).rejects.toThrow('refused')
  })

  it('does not hang when none does, or the last one goes', async () => {
    await expect(answered(server(() => null), never, 10)).rejects.toMatchObject({ type: 'Transient', cure: expect.stringContaining('isthmus worker') })
    let asked = 0
    await expect(answered(server(() => ((asked += 1) > 8 ? 300 : 1)), never, 10)).rejects.toMatchObject({ type: 'Transient' })
  })

  it('waits on for a server that cannot tell', async () => {
    const deaf = { ...server(() => null), workflowService: { describeTaskQueue: () => Promise.reject(new Error('unavailable')) } } as unknown as Asked
    expect(await answered(deaf, () => sleep(60, 'paused'), 10)).toBe('paused')
  })
})
