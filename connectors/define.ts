import { z } from 'zod'
import { IsthmusError } from '../model/errors.ts'
import type { AuthInput } from '../model/auth.ts'
import type { SourceInput, StreamInput } from '../model/source.ts'
import { referencesIn } from '../model/value.ts'
import { rest, type ActionOptions, type ActionRef, type RestSource, type StreamRef } from './rest.ts'

/** One way to sign in to a system. */
export interface AuthMethod {
  /** Shown where a person chooses. Default: its name. */
  title?: string
  /** What `isthmus connect` asks for and the vault keeps: a zod object of texts. `.describe()` is the question. Default: the names the auth refers to. */
  credentials?: z.ZodObject
  auth: AuthInput
}

/** A stream that a connector declares: as for `stream('name', { ... })`, or one that a builder made (`graphql(...).connection(...)`). */
export type DeclaredStream = Omit<StreamInput, 'name'> | StreamRef
/** An action that a connector declares: as for `action('name', { ... })`, or one that a builder made; with a `model`, a zod object of what it takes. */
export type DeclaredAction = (ActionOptions | ActionRef) & { model?: z.ZodObject }

export interface ConnectorOptions<S extends string = string, A extends string = string> extends Omit<SourceInput, 'auth' | 'methods' | 'connection'> {
  /** Shown to people. Default: the id. */
  title?: string
  /** Where to get the credentials: an address of the vendor's documentation. */
  docs?: string
  /** What `isthmus connect` asks for besides credentials: a zod object of texts and enums. Default: the names that base URL and auth refer to. */
  settings?: z.ZodObject
  /** How to sign in: one way, or several by name, of which the first is the default. */
  auth: AuthInput | Record<string, AuthMethod>
  /** A cheap GET that succeeds when credentials and base URL are right. Default: none, so a new connection is stored unchecked. */
  check?: { path: string; query?: Record<string, string> }
  /** Streams that the system is known to have, by name: `acme.stream('orders')`. */
  streams?: Record<S, DeclaredStream>
  /** Actions that the system is known to take, by name: `acme.action('contact.upsert')`, `isthmus post acme contact.upsert`. */
  actions?: Record<A, DeclaredAction>
}

/** Streams and actions of a system, for one account: with one argument those that the connector declares. */
export interface ConnectorSource<S extends string = string, A extends string = string> extends RestSource {
  stream(name: S): StreamRef
  stream(name: string, stream: Omit<StreamInput, 'name'>): StreamRef
  action(name: A): ActionRef
  action(name: string, action: ActionOptions): ActionRef
}

/** A declared action as people look it up. */
export interface KnownAction {
  name: string
  /** What it takes; null when the connector does not say. */
  model: z.ZodObject | null
}

/** A connector: all that Isthmus knows of one system. Made by `defineConnector`. */
export interface Connector<S extends string = string, A extends string = string> extends ConnectorSource<S, A> {
  readonly kind: 'connector'
  readonly id: string
  readonly title: string
  readonly docs: string
  readonly settings: z.ZodObject
  readonly methods: Readonly<Record<string, Required<AuthMethod>>>
  readonly check: { path: string; query: Record<string, string> } | null
  /** The connector's source as one connection uses it. */
  source(connection: string): SourceInput
  /** Names of the streams it declares. */
  readonly streams: readonly string[]
  /** The actions it declares. */
  readonly actions: readonly KnownAction[]
  /** The same system with another account: `acme.connection('acme-eu')`. Default: the connector's id. */
  connection(id: string): ConnectorSource<S, A>
}

/**
 * Describes a system once, so that `isthmus connect <id>` can set up accounts of it and syncs can read from them:
 * base URL, ways to sign in, limits, settings. Secrets are `credential('name')`, other answers `setting('name')` or `template('https://{name}...')`.
 * Put it into `connectors/<id>.ts` as the default export. Throws InvalidInput.
 */
export function defineConnector<S extends string = never, A extends string = never>(id: string, options: ConnectorOptions<S, A>): Connector<S, A> {
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(id)) {
    throw new IsthmusError('InvalidInput', `"${id}" cannot be the id of a connector`, { field: 'id', cure: 'use small letters, digits, . _ and -' })
  }
  const { title = id, docs = '', settings, auth, check, streams = {}, actions = {}, ...shared } = options
  const methods = methodsOf(auth)
  const [first] = Object.values(methods)
  const given = Object.fromEntries(Object.entries(methods).map(([name, m]) => [name, m.auth]))
  const source = (connection: string): SourceInput => ({ ...shared, connection, auth: first!.auth, methods: given })
  const declared: Declared = { id, streams, actions }
  const own = ofAccount(source(id), declared) as ConnectorSource<S, A>
  return {
    kind: 'connector', id, title, docs, methods,
    settings: settings ?? asked([shared, given], 'setting'),
    check: check ? { path: check.path, query: check.query ?? {} } : null,
    source,
    streams: Object.keys(streams),
    actions: Object.entries<DeclaredAction>(actions).map(([name, { model = null }]) => ({ name, model })),
    connection: (name) => ofAccount(source(name), declared) as ConnectorSource<S, A>,
    stream: own.stream,
    action: own.action,
  }
}

interface Declared {
  id: string
  streams: Record<string, DeclaredStream>
  actions: Record<string, DeclaredAction>
}

/** What a connector declares, for one account. */
function ofAccount(source: SourceInput, { id, streams, actions }: Declared): ConnectorSource {
  const own = rest(source)
  const find = <T>(known: Record<string, T>, what: string, name: string): T => {
    if (Object.hasOwn(known, name)) return known[name]!
    const names = Object.keys(known)
    throw new IsthmusError('NotFound', `the connector "${id}" declares no ${what} "${name}"`, { field: what, cure: names.length > 0 ? `use one of ${names.join(', ')}, or describe it: ${what}('${name}', { path: ... })` : `describe it: ${what}('${name}', { path: ... })` })
  }
  return {
    stream(name: string, given?: Omit<StreamInput, 'name'>): StreamRef {
      const stream = given ?? find(streams, 'stream', name)
      return 'kind' in stream && stream.kind === 'stream' ? { ...stream, source: { ...stream.source, ...source, kind: stream.source.kind ?? 'rest' }, stream: { ...stream.stream, name } } : own.stream(name, stream as Omit<StreamInput, 'name'>)
    },
    action(name: string, given?: ActionOptions): ActionRef {
      const { model: _model, ...action } = (given ?? find(actions, 'action', name)) as DeclaredAction
      return 'kind' in action && action.kind === 'action' ? { ...action, source: { ...action.source, ...source, kind: action.source.kind ?? 'rest' }, action: { ...action.action, name } } : own.action(name, action as ActionOptions)
    },
  }
}

function methodsOf(auth: ConnectorOptions['auth']): Record<string, Required<AuthMethod>> {
  const several = typeof auth.kind === 'string' ? { default: { auth: auth as AuthInput } } : (auth as Record<string, AuthMethod>)
  const methods = Object.entries(several).map(([name, m]) => [name, { title: m.title ?? name, auth: m.auth, credentials: m.credentials ?? asked(m.auth, 'credential') }] as const)
  if (methods.length === 0) throw new IsthmusError('InvalidInput', 'a connector needs a way to sign in', { field: 'auth', cure: "give auth: apiKey({ key: credential('key') }), or several by name" })
  return Object.fromEntries(methods)
}

/** The fields a description refers to, each a text that must be given. */
function asked(part: unknown, kind: 'setting' | 'credential'): z.ZodObject {
  return z.object(Object.fromEntries(referencesIn(part, kind).map((name) => [name, z.string().min(1)])))
}
