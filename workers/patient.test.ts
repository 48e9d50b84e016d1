import { ServiceError } from '@temporalio/client'
import { expect, it } from 'vitest'
import { patient } from './patient.ts'

const grpc = (code: number): Error => Object.assign(new Error('context deadline exceeded'), { code, details: 'context deadline exceeded', metadata: {} })
const busy = (): Error => new ServiceError('Failed to describe schedule', { cause: grpc(4) })

function failing(times: number, error: () => Error): { call: () => Promise<string>; calls: () => number } {
  let calls = 0
  return { calls: () => calls, call: async () => {
    calls += 1
    if (calls <= times) throw error()
    return 'done'
  } }
}

it('repeats a call that a busy server did not get done, wrapped by the client or not', async () => {
  for (const error of [busy, () => grpc(4)]) {
    const { call, calls } = failing(2, error)
    expect(await patient(call, [1, 1])).toBe('done')
    expect(calls()).toBe(3)
  }
})

it('gives up in the end, and repeats nothing else', async () => {
  const long = failing(9, busy)
  await expect(patient(long.call, [1, 1])).rejects.toThrow('Failed to describe schedule')
  expect(long.calls()).toBe(3)
  const other = failing(9, () => new ServiceError('no', { cause: grpc(5) }))
  await expect(patient(other.call, [1, 1])).rejects.toThrow('no')
  expect(other.calls()).toBe(1)
})
