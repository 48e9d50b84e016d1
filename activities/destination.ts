import { inTo, type Account } from '../destinations/actions/index.ts'
import { durationMs } from '../model/duration.ts'
import type { StreamPlan } from '../model/plan.ts'
import type { RowDestination } from '../model/ports.ts'
import type { Value } from '../model/value.ts'
import { fingerprint, openConnection, type Connection } from '../protocols/rest/index.ts'
import type { ActivityDeps } from './deps.ts'
import { ownedBy, signIn, type SignInTarget } from './sign-in.ts'
import type { StreamTarget } from './types.ts'

/** What a destination is opened with. */
export interface DestinationOptions {
  stream: StreamPlan
  streamKey: string
  resolve(value: Value): string
  /** The connection of an action, shared by the streams of a run; opened here when absent. */
  connection?: Connection | undefined
  /** The run, retry or remap it is opened for. */
  run?: string | undefined
  /** The run's stream it is opened for. */
  target?: StreamTarget | undefined
  /** Told what an operator should know. */
  note?(message: string): Promise<void>
}

export interface OpenDestination {
  destination: RowDestination
  /** What signs in to the destination; null when it is a database. */
  account: SignInTarget | null
  /** Closes what was opened for this stream alone. */
  close(): Promise<void>
}

/** Opens where a stream goes to: a database, or an action of an API. */
export function openDestination(deps: Pick<ActivityDeps, 'projectDir' | 'destination' | 'databaseUrl' | 'actions' | 'store' | 'owner'>, options: DestinationOptions): OpenDestination {
  const { stream, streamKey, resolve, note, run = 'look' } = options
  const to = stream.destination
  if (to.kind === 'postgres') {
    return { destination: deps.destination(to.url === null ? deps.databaseUrl : resolve(to.url)), account: null, close: async () => {} }
  }
  const connection = options.connection ?? inTo(() => openConnection({ source: to.source, resolve, projectDir: deps.projectDir, name: to.connection }))
  const tokenKey = `${to.connection}/${fingerprint(to.source.auth, connection.baseUrl, resolve)}`
  const limits = to.source.limits.map((l) => ({ requests: l.requests, ms: durationMs(l.per) }))
  const signsIn: SignInTarget = { tokenKey, reader: { auth: connection.authenticator }, owned: ownedBy(to.connection, options.target, 'destination') }
  const account: Account = {
    connection,
    token: () => deps.store.getToken(tokenKey),
    pacer: deps.store.pacer({ account: to.connection, limits, concurrency: to.source.concurrency, stream: `${run}/${stream.name}`, priority: 'bulk' }),
  }
  return {
    destination: deps.actions().open({
      destination: to, streamKey, account, resolve, note: note ?? (async () => {}),
      signIn: async (seen, signal) => void (await signIn(deps.store, signsIn, seen, { run, stream: stream.name }, signal, deps.owner)),
    }),
    account: signsIn,
    close: () => (options.connection ? Promise.resolve() : connection.close()),
  }
}
