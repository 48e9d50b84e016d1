import { IsthmusError } from '../model/errors.ts'
import type { StreamPlan } from '../model/plan.ts'
import type { Store } from '../model/ports.ts'
import { refersToConnection, type Source } from '../model/source.ts'
import type { Value } from '../model/value.ts'
import { resolver, type Environment } from '../project/index.ts'

/** A source as its connection signs in, and what its references stand for. */
export interface OpenAccount {
  source: Source
  resolve(value: Value): string
}

/** Fills in what the vault holds for the connection of a source; asks it only when the source refers to it. */
export async function openAccount(store: Pick<Store, 'getConnection' | 'connectionValues'>, connection: string, source: Source, environment: Environment): Promise<OpenAccount> {
  if (!refersToConnection(source)) return { source, resolve: resolver(environment) }
  const [info, values] = await Promise.all([store.getConnection(connection), store.connectionValues(connection)])
  const resolve = resolver(environment, values)
  const auth = info ? source.methods[info.method] : undefined
  return {
    source: auth ? { ...source, auth } : source,
    resolve(value) {
      try {
        return resolve(value)
      } catch (error) {
        throw named(error, connection)
      }
    },
  }
}

function named(error: unknown, connection: string): unknown {
  if (!(error instanceof IsthmusError) || !error.message.startsWith('the connection')) return error
  return new IsthmusError(error.type, error.message.replace('the connection', `the connection "${connection}"`), { field: error.field, cure: `set it up with \`isthmus connect ${connection}\`` })
}

/** Both ends of a stream: where it reads, and the account of its action, if it has one. */
export interface StreamAccounts {
  from: OpenAccount
  to: Omit<OpenAccount, 'source'> & { source: Source | null }
}

export async function openAccounts(store: Parameters<typeof openAccount>[0], stream: StreamPlan, environment: Environment): Promise<StreamAccounts> {
  const { destination } = stream
  const from = await openAccount(store, stream.connection, stream.source, environment)
  if (destination.kind !== 'action') return { from, to: { source: null, resolve: resolver(environment) } }
  return { from, to: await openAccount(store, destination.connection, destination.source, environment) }
}

/** The stream with the sign-in that its connections use. */
export function withAccounts(stream: StreamPlan, { from, to }: StreamAccounts): StreamPlan {
  const { destination } = stream
  return { ...stream, source: from.source, destination: destination.kind === 'action' && to.source ? { ...destination, source: to.source } : destination }
}
