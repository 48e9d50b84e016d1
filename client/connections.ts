import { signIn } from '../activities/sign-in.ts'
import { openAccount } from '../activities/account.ts'
import type { Connector } from '../connectors/index.ts'
import type { ConnectionHealth, ConnectionInfo } from '../model/connections.ts'
import { IsthmusError } from '../model/errors.ts'
import type { Store } from '../model/ports.ts'
import { streamSchema } from '../model/source.ts'
import { splitTenant, withTenant } from '../model/tenant.ts'
import { useOneOf, type Environment } from '../project/index.ts'
import { openRest, probe } from '../protocols/rest/index.ts'
import { checkAnswers, connectors, connectTarget, describedBySyncs, methodOf, type ConnectTarget } from './connect/index.ts'
import { checkConnectionName, connect, type Connected, type ConnectRequest } from './connect/connect.ts'
import { ConnectLinks } from './connect/links.ts'
import type { Person } from './connect/consent.ts'

/** A connection as it is: stored in the vault, described by syncs, or both. */
export interface ConnectionView {
  connection: string
  /** The customer whose account it is; null for one of the project itself. */
  tenant: string | null
  /** '' when only syncs describe it. */
  connector: string
  method: string
  settings: Record<string, string>
  /** NAMES of the credentials in the vault. */
  credentials: string[]
  stored: boolean
  /** What its connector declares: for `isthmus post`, and for syncs. */
  actions: string[]
  streams: string[]
  /** Syncs of the project that use it. */
  syncs: string[]
  /** `unknown` until it has called. */
  state: ConnectionHealth['state'] | 'unknown'
  reason: string
  lastSuccessAt: Date | null
  lastErrorAt: Date | null
  lastErrorType: string | null
  lastErrorMessage: string
  /** Why the circuit breaker of its account is open; '' when it is closed. */
  breaker: string
  /** The API has asked to wait until then. */
  pausedUntil: Date | null
  updatedAt: Date | null
}

export interface ConnectOptions {
  /** Name of the connection. Default: the connector's id. */
  as?: string
  /** The customer of an app whose account it is: the connection is `<name>@<tenant>`, and `syncs.start(id, { tenant })` uses it. */
  tenant?: string
  /** Way to sign in. Default: that of the stored connection, else the connector's first. */
  method?: string
  /** Settings; those left out are as stored, or as the connector's defaults say. */
  settings?: Record<string, string>
  /** Credentials; those left out are as stored. */
  credentials?: Record<string, string>
  /** Make one cheap call before anything is stored. Default true. */
  check?: boolean
  /** How a person is asked for consent (authorization code, device code). */
  person?: Person
  signal?: AbortSignal
}

/** What `create` sets up. */
export interface CreateConnection extends Omit<ConnectOptions, 'as'> {
  /** A connector of the project or the catalogue, or a connection that syncs describe. */
  connector: string
  /** Name of the connection, without the tenant. Default: that of the connector. */
  name?: string
}

interface Context {
  projectDir: string
  environment(): Environment
  store(): Promise<Store>
  /** Tells the owner of the connection's tokens that a person has signed in, and sends on what waits for that: `run/stream` of each. */
  reconnected(connection: string): Promise<string[]>
}

const CHECK_MS = 60_000
const NOBODY: Person = {
  visit() {
    throw new IsthmusError('InvalidInput', 'this way to sign in needs a person with a browser', { cure: 'give `person`, or use `isthmus connect`' })
  },
  enter() {
    throw new IsthmusError('InvalidInput', 'this way to sign in needs a person with a browser', { cure: 'give `person`, or use `isthmus connect`' })
  },
}

/** The connections of a project: accounts at systems, with their credentials in the vault. */
export class Connections {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** All connections, by name; with `tenant` those of one. */
  async list(filter: { tenant?: string } = {}): Promise<ConnectionView[]> {
    const store = await this.#context.store()
    const [infos, health, described, systems] = await Promise.all([store.listConnections(), store.connectionHealth(), describedBySyncs(this.#context.projectDir), connectors(this.#context.projectDir)])
    const names = [...new Set([...infos.map((i) => i.id), ...described.keys()])].sort()
    return names
      .filter((name) => filter.tenant === undefined || splitTenant(name).tenant === filter.tenant)
      .map((name) => view(name, infos.find((i) => i.id === name), health.find((h) => h.connection === name), described.get(splitTenant(name).id)?.syncs ?? [], systems))
  }

  /** One connection. Throws NotFound. */
  async get(name: string): Promise<ConnectionView> {
    const all = await this.list()
    const found = all.find((c) => c.connection === name)
    if (!found) throw new IsthmusError('NotFound', `there is no connection "${name}"`, { cure: all.length > 0 ? useOneOf(name, all.map((c) => c.connection)) : 'set one up with `isthmus connect <system>`' })
    return found
  }

  /** Sets up a connection of a system (a connector, or a connection that syncs describe), or exchanges its credentials. Throws what stands in the way; then nothing has changed. */
  async connect(system: string, options: ConnectOptions = {}): Promise<Connected & { resumed: string[] }> {
    const store = await this.#context.store()
    const done = await connect(store, { ...(await this.prepare(system, options)), person: options.person ?? NOBODY })
    return { ...done, resumed: await this.#context.reconnected(done.connection) }
  }

  /**
   * Sets up a connection at run time, from what an app knows: `create({ connector: 'acme', tenant: 'north', credentials: { apiKey } })`. One of that
   * name gets the new settings and credentials. Throws AuthFailed, InvalidInput ...; then nothing has changed.
   */
  async create({ connector, name, ...options }: CreateConnection): Promise<Connected & { resumed: string[] }> {
    return this.connect(connector, { ...options, ...(name !== undefined && { as: name }) })
  }

  /** What `connect` would set up, checked against what is there: answers that are left out are as stored. Throws NotFound or InvalidInput. */
  async prepare(system: string, options: Omit<ConnectOptions, 'person'> = {}): Promise<Omit<ConnectRequest, 'person'>> {
    const target = await connectTarget(this.#context.projectDir, system)
    const id = withTenant(options.as ?? target.id, options.tenant)
    checkConnectionName(id)
    const store = await this.#context.store()
    const known = await store.getConnection(id)
    if (known && known.connector !== target.connector) {
      throw new IsthmusError('InvalidInput', `the connection "${id}" is one of ${known.connector || 'the syncs'}`, { field: '--as', cure: 'give another name, or remove it first' })
    }
    const method = methodOf(target, options.method ?? known?.method)
    const stored = known && known.method === method.name ? await store.connectionValues(id) : null
    const values = {
      settings: checkAnswers(target.settings, known?.settings, options.settings, 'setting'),
      credentials: checkAnswers(method.method.credentials, stored?.credentials, options.credentials, 'credential'),
    }
    return { target, id, method, values, environment: this.#context.environment(), check: options.check !== false, signal: options.signal ?? AbortSignal.timeout(20 * 60_000) }
  }

  /** Links by which people set up connections in a browser, for apps; served by `isthmus serve`. */
  get links(): ConnectLinks {
    const { projectDir, store, reconnected } = this.#context
    return new ConnectLinks({ projectDir, store, reconnected, prepare: (system, options) => this.prepare(system, options) })
  }

  /** Makes one cheap call with what is stored. Throws AuthFailed and the like; the health of the connection says the same afterwards. */
  async check(name: string, signal: AbortSignal = AbortSignal.timeout(CHECK_MS)): Promise<{ connection: string; status: number; ms: number }> {
    const store = await this.#context.store()
    const target = await this.target(name)
    // A tenant's account is a connection or nothing; that of a sync may sign in with the environment.
    if (splitTenant(name).tenant !== null && !(await store.getConnection(name))) await this.get(name)
    if (!target.check) throw new IsthmusError('InvalidInput', `nothing is known that could be called to check "${name}"`, { cure: 'give the connector a `check`' })
    const { source, resolve } = await openAccount(store, name, target.source(name), this.#context.environment())
    const reader = openRest({ source, stream: target.check ?? streamSchema.parse({ name: 'check', path: '' }), resolve, projectDir: this.#context.projectDir })
    try {
      const found = await this.#call(store, reader, name, signal)
      await store.noteHealth(name, { state: 'ok', reason: '', lastSuccessAt: new Date() })
      return { connection: name, ...found }
    } catch (error) {
      if (error instanceof IsthmusError) await store.noteHealth(name, { lastErrorAt: new Date(), lastErrorType: error.type, lastErrorMessage: reader.connection.http.redactor.text(error.message).slice(0, 500) })
      throw error
    } finally {
      await reader.close()
    }
  }

  async #call(store: Store, reader: ReturnType<typeof openRest>, name: string, signal: AbortSignal): Promise<{ status: number; ms: number }> {
    if (!reader.auth.needsToken) return probe(reader, null, signal)
    const tokenKey = `${name}/${reader.fingerprint}`
    const where = { run: `check ${name}`, stream: '' }
    const { token } = await signIn(store, { tokenKey, reader, owned: null }, -1, where, signal)
    try {
      return await probe(reader, token, signal)
    } catch (error) {
      // A token may have been revoked before its end.
      if (!(error instanceof IsthmusError) || error.type !== 'AuthFailed') throw error
      return probe(reader, (await signIn(store, { tokenKey, reader, owned: null }, token.version, where, signal)).token, signal)
    }
  }

  /** Removes a connection with its credentials and tokens. Throws NotFound. */
  async remove(name: string): Promise<void> {
    const store = await this.#context.store()
    if (!(await store.removeConnection(name))) await this.get(name).then(() => {
      throw new IsthmusError('NotFound', `nothing is stored for the connection "${name}": only syncs describe it`, { cure: 'take it out of the syncs' })
    })
  }

  /** What a stored connection is made of; NotFound when neither a connector nor a sync tells. */
  async target(name: string): Promise<ConnectTarget> {
    const info = await (await this.#context.store()).getConnection(name)
    return connectTarget(this.#context.projectDir, info?.connector || name)
  }
}

function view(name: string, info: ConnectionInfo | undefined, health: ConnectionHealth | undefined, syncs: string[], systems: Connector[]): ConnectionView {
  const { id, tenant } = splitTenant(name)
  const system = systems.find((s) => s.id === (info?.connector || id))
  return {
    actions: system?.actions.map((a) => a.name) ?? [], streams: [...(system?.streams ?? [])],
    connection: name, tenant, connector: info?.connector ?? '', method: info?.method ?? '', settings: info?.settings ?? {}, credentials: info?.credentials ?? [], stored: info !== undefined, syncs,
    state: health?.state ?? 'unknown', reason: health?.reason ?? '', lastSuccessAt: health?.lastSuccessAt ?? null, lastErrorAt: health?.lastErrorAt ?? null,
    lastErrorType: health?.lastErrorType ?? null, lastErrorMessage: health?.lastErrorMessage ?? '', breaker: health?.breaker ?? '', pausedUntil: health?.pausedUntil ?? null, updatedAt: info?.updatedAt ?? null,
  }
}
