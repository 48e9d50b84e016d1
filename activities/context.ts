import type { WindowRange } from '../model/backfill.ts'
import { durationMs } from '../model/duration.ts'
import { IsthmusError } from '../model/errors.ts'
import type { Plan, StreamPlan } from '../model/plan.ts'
import type { Source } from '../model/source.ts'
import type { Value } from '../model/value.ts'
import type { CompiledMapper } from '../model/mapping/index.ts'
import type { Pacer, Priority } from '../model/pacer.ts'
import type { RowDestination, Store } from '../model/ports.ts'
import { projectEnvironment, type Environment } from '../project/index.ts'
import { openAccounts, withAccounts, type StreamAccounts } from './account.ts'
import { openConnection, type Connection } from '../protocols/rest/index.ts'
import { isRemote, openSource, type SourceReader } from '../protocols/source/index.ts'
import { inTo } from '../destinations/actions/index.ts'
import { MappedAhead } from './ahead.ts'
import type { ActivityDeps } from './deps.ts'
import { rangePlan, windowKey } from './range.ts'
import { openDestination } from './destination.ts'
import { ownedBy, type SignInTarget } from './sign-in.ts'
import type { StreamTarget } from './types.ts'
import { noteLapses, Shapes } from './watch.ts'

/** One stream of a run, ready to work with. */
export interface OpenStream {
  plan: Plan
  stream: StreamPlan
  /** Names the stream's checkpoint. */
  streamKey: string
  destination: RowDestination
  /** What signs in to the destination; null when it is a database. */
  account: SignInTarget | null
  reader: SourceReader
  /** Row of the connection's token: its name plus what it signs in with, so that changed credentials start anew. */
  tokenKey: string
  limits: { requests: number; ms: number }[]
  mapper: Promise<CompiledMapper> | null
  owned: SignInTarget['owned']
  /** The window of a backfill; null in runs of a sync. */
  range: WindowRange | null
  /** Closes what was opened for this stream alone. */
  close(): Promise<void>
}

/** Runs whose plan, credentials and connections are kept open at a time. */
const MAX_OPEN = 200

/** Keeps what activities of one run share; the oldest make room. */
export class OpenStreams {
  readonly ahead = new MappedAhead()
  readonly shapes = new Shapes()
  readonly #deps: ActivityDeps
  readonly #open = new Map<string, Promise<OpenStream>>()
  /** Sockets, sign-in and pauses of an account are shared by the streams of a run. */
  readonly #connections = new Map<string, Connection>()

  constructor(deps: ActivityDeps) {
    this.#deps = deps
  }

  async get(target: StreamTarget): Promise<OpenStream> {
    return target.range ? inRange(await this.#get(wholeOf(target)), target.range) : this.#get(target)
  }

  async #get(target: StreamTarget): Promise<OpenStream> {
    const key = keyOf(target)
    let found = this.#open.get(key)
    if (!found) {
      found = this.#openStream(target)
      this.#open.set(key, found)
      // A failed opening must not be remembered.
      found.catch(() => this.#open.delete(key))
      const oldest = this.#open.keys().next().value
      if (this.#open.size > MAX_OPEN && oldest !== undefined) await this.#drop(oldest)
    }
    return found
  }

  /** The stream is open here already. */
  has(target: StreamTarget): boolean {
    return this.#open.has(keyOf(wholeOf(target)))
  }

  /** The stream with the credentials of now, beside what others work with, also after the run's end. The caller closes it. */
  async openApart(target: StreamTarget): Promise<OpenStream> {
    const whole = wholeOf(target)
    const { plan, stream, accounts } = await this.#find(whole)
    const open = openWith(this.#deps, plan, stream, accounts, { run: whole.run, target: whole })
    return target.range ? inRange(open, target.range) : open
  }

  async #find(target: StreamTarget): Promise<{ plan: Plan; stream: StreamPlan; accounts: StreamAccounts }> {
    const deps = this.#deps
    const plan = await deps.store.getPlan(target.plan)
    const stream = plan.streams.find((s) => s.name === target.stream)
    if (!stream) throw new IsthmusError('NotFound', `the plan has no stream "${target.stream}"`, { file: plan.file })
    const environment = { ...projectEnvironment(deps.projectDir), ...(await deps.store.getSettings(`run/${target.run}`)) }
    return { plan, stream, accounts: await openAccounts(deps.store, stream, environment) }
  }

  async #openStream(target: StreamTarget): Promise<OpenStream> {
    const deps = this.#deps
    const { plan, stream, accounts } = await this.#find(target)
    const { from, to } = accounts
    const destination = stream.destination
    await noteLapses(deps.store, stream.connection, from.source, from.resolve)
    if (destination.kind === 'action' && to.source) await noteLapses(deps.store, destination.connection, to.source, to.resolve)
    const shared = {
      from: isRemote(from.source) ? this.#connection(target, stream.connection, from.source, from.resolve) : undefined,
      to: destination.kind === 'action' ? inTo(() => this.#connection(target, destination.connection, to.source!, to.resolve)) : undefined,
      run: target.run,
      target,
      note: (message: string) => deps.store.log({ run: target.run, stream: target.stream, level: 'warn', message }),
    }
    return openWith(deps, plan, stream, accounts, shared)
  }

  /** The open connection of an account. */
  #connection(target: StreamTarget, name: string, source: Source, resolve: (value: Value) => string): Connection {
    const { baseUrl, auth, origins, timeout, concurrency, tls, privateNetwork, maxPageBytes, soap } = source
    const key = `${target.run}\n${name}\n${target.round}\n${JSON.stringify({ baseUrl, auth, origins, timeout, concurrency, tls, privateNetwork, maxPageBytes, soap })}`
    const connection = this.#connections.get(key) ?? openConnection({ source, resolve, projectDir: this.#deps.projectDir, name })
    this.#connections.set(key, connection)
    return connection
  }

  /** The stream's mapper, compiled once a run. */
  async mapper(target: StreamTarget, make: () => Promise<CompiledMapper>): Promise<CompiledMapper> {
    const open = await this.#get(wholeOf(target))
    open.mapper ??= make().catch((error: unknown) => {
      open.mapper = null
      throw error
    })
    return open.mapper
  }

  /** Closes what a run held open. */
  async close(run: string): Promise<void> {
    for (const key of [...this.#open.keys()]) if (key.startsWith(`${run}\n`)) await this.#drop(key)
    for (const [key, connection] of this.#connections) {
      if (!key.startsWith(`${run}\n`)) continue
      this.#connections.delete(key)
      await connection.close()
    }
  }

  async #drop(key: string): Promise<void> {
    const found = this.#open.get(key)
    this.#open.delete(key)
    await found?.then((o) => o.close(), () => undefined)
  }
}

function keyOf({ run, stream, round }: StreamTarget): string {
  return `${run}\n${stream}\n${round}`
}

/** What the windows of a backfill share: they are streams of one run, opened anew when a person sends it on. */
function wholeOf({ range, ...target }: StreamTarget): StreamTarget {
  return range ? { ...target, run: range.of, round: range.take } : target
}

/** The stream as a window of a backfill sees it: with bounds and a checkpoint of its own. */
export function inRange(open: OpenStream, range: WindowRange): OpenStream {
  return { ...open, stream: rangePlan(open.stream, range), streamKey: windowKey(open.streamKey, range), range }
}

type OpenDeps = Pick<ActivityDeps, 'destination' | 'databaseUrl' | 'actions' | 'store' | 'owner' | 'projectDir'>
interface Shared {
  /** The run's stream this is opened for; who refreshes its tokens finds the credentials by it. */
  target?: StreamTarget
  from?: Connection | undefined
  to?: Connection | undefined
  run?: string
  note?(message: string): Promise<void>
}

/** Opens one stream of a plan with the values its references stand for. */
export async function open(deps: OpenDeps, plan: Plan, stream: StreamPlan, environment: Environment, shared: Shared = {}): Promise<OpenStream> {
  return openWith(deps, plan, stream, await openAccounts(deps.store, stream, environment), shared)
}

function openWith(deps: OpenDeps, plan: Plan, planned: StreamPlan, accounts: StreamAccounts, shared: Shared): OpenStream {
  const { from, to } = accounts
  const stream = withAccounts(planned, accounts)
  const reader = openSource({ source: stream.source, stream: stream.stream, resolve: from.resolve, connection: shared.from, databaseUrl: deps.databaseUrl, projectDir: deps.projectDir })
  const streamKey = `${plan.id}/${stream.name}`
  const destination = openDestination(deps, { stream, streamKey, resolve: to.resolve, connection: shared.to, run: shared.run, target: shared.target, note: shared.note })
  return {
    plan,
    stream,
    streamKey,
    destination: destination.destination,
    account: destination.account,
    reader,
    tokenKey: `${stream.connection}/${reader.fingerprint}`,
    limits: stream.source.limits.map((l) => ({ requests: l.requests, ms: durationMs(l.per) })),
    mapper: null,
    owned: ownedBy(stream.connection, shared.target, 'source'),
    range: null,
    close: async () => {
      await reader.close()
      await destination.close()
    },
  }
}

/** The pacer of a stream's account. `asks`: who takes turns with the others of the account. */
export function pacerOf(store: Store, { stream, limits }: OpenStream, asks: string, priority: Priority): Pacer {
  return store.pacer({ account: stream.connection, limits, concurrency: stream.source.concurrency, stream: asks, priority })
}
