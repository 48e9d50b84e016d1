import { IsthmusError } from '../model/errors.ts'

/** How many are asked for at most. Throws InvalidInput for what is no number of things. */
export function limitOf(limit: number): number {
  if (!Number.isSafeInteger(limit) || limit < 0) throw new IsthmusError('InvalidInput', `${limit} is no number of things to list`, { field: 'limit', cure: 'give a whole number such as 20' })
  return limit
}
