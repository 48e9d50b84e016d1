import { ServiceError } from '@temporalio/client'
import { describe, expect, it } from 'vitest'
import { IsthmusError } from '../model/errors.ts'
import { outage, patient } from './patience.ts'

const refused = new IsthmusError('Unreachable', 'The database of Isthmus cannot be reached (ECONNREFUSED)', { cause: new Error('connect ECONNREFUSED') })
const unavailable = Object.assign(new Error('Failed to describe workflow'), { cause: Object.assign(new Error('14 UNAVAILABLE'), { code: 14 }) })

describe('patient', () => {
  it('asks again until there is an answer, and says so', async () => {
    const told: string[] = []
    const errors = [refused, unavailable]
    const answer = await patient(async () => {
      const error = errors.shift()
      if (error) throw error
      return 7
    }, { tell: (m) => told.push(m) })
    expect(answer).toBe(7)
    expect(told).toEqual(['PostgreSQL does not answer; waiting for it, the run itself goes on when it is back', 'it answers again after 1 s'])
  })

  it('throws what is no outage at once, and an outage that lasts too long', async () => {
    let asked = 0
    const ask = (error: Error) => () => {
      asked += 1
      return Promise.reject(error)
    }
    await expect(patient(ask(new IsthmusError('NotFound', 'no such run')))).rejects.toThrow('no such run')
    expect(asked).toBe(1)
    await expect(patient(ask(unavailable), { forMs: 600 })).rejects.toBe(unavailable)
    expect(asked).toBe(4)
  })

  it('repeats a call that a busy Temporal did not get done, wrapped by the client or not, and nothing that it refused', async () => {
    const grpc = (code: number): Error => Object.assign(new Error('context deadline exceeded'), { code })
    for (const error of [grpc(4), new ServiceError('Failed to describe schedule', { cause: grpc(4) })]) {
      let calls = 0
      const call = async (): Promise<string> => {
        calls += 1
        if (calls <= 2) throw error
        return 'done'
      }
      expect(await patient(call)).toBe('done')
      expect(calls).toBe(3)
    }
    let others = 0
    await expect(patient(async () => {
      others += 1
      throw new ServiceError('no', { cause: grpc(5) })
    })).rejects.toThrow('no')
    expect(others).toBe(1)
  })

  it('tells who is away', () => {
    expect(outage(refused)).toBe('PostgreSQL')
    expect(outage(unavailable)).toBe('Temporal')
    expect(outage(new IsthmusError('Transient', 'run r1 ended without a receipt'))).toBeNull()
    expect(outage(new TypeError('x'))).toBeNull()
  })
})
