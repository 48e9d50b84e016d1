import { IsthmusError } from '../model/errors.ts'
import type { ConnectionStore } from '../model/connections.ts'

/** Connections in the database. */
export function connectionQueries(): ConnectionStore {
  const notYet = (): Promise<never> => Promise.reject(new IsthmusError('InvalidInput', 'connections cannot be stored yet'))
  return {
    saveConnection: notYet, getConnection: () => Promise.resolve(null), listConnections: () => Promise.resolve([]), connectionValues: () => Promise.resolve(null),
    removeConnection: () => Promise.resolve(false), putToken: notYet, connectionHealth: () => Promise.resolve([]), noteHealth: () => Promise.resolve(),
  }
}
