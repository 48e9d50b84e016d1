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

export interface ConnectorOptions extends Omit<SourceInput, 'kind' | 'auth' | 'methods' | 'connection'> {
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
}

/** A connector: all that Isthmus knows of one system. Made by `defineConnector`. */
export interface Connector extends RestSource {
  readonly kind: 'connector'
  readonly id: string
  readonly title: string
  readonly docs: string
  readonly settings: z.ZodObject
  readonly methods: Readonly<Record<string, Required<AuthMethod>>>
  readonly check: { path: string; query: Record<string, string> } | null
  /** The connector's source as one connection uses it. */
  source(connection: string): SourceInput
  /** The same system with another account: `acme.connection('acme-eu')`. Default: the connector's id. */
  connection(id: string): RestSource
}

/**
 * Describes a system once, so that `isthmus connect <id>` can set up accounts of it and syncs can read from them:
 * base URL, ways to sign in, limits, settings. Secrets are `credential('name')`, other answers `setting('name')` or `template('https://{name}...')`.
 * Put it into `connectors/<id>.ts` as the default export. Throws InvalidInput.
 */
export function defineConnector(id: string, options: ConnectorOptions): Connector {
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(id)) {
    throw new IsthmusError('InvalidInput', `"${id}" cannot be the id of a connector`, { field: 'id', cure: 'use small letters, digits, . _ and -' })
  }
  const { title = id, docs = '', settings, auth, check, ...shared } = options
  const methods = methodsOf(auth)
  const [first] = Object.values(methods)
  const given = Object.fromEntries(Object.entries(methods).map(([name, m]) => [name, m.auth]))
  const source = (connection: string): SourceInput => ({ ...shared, connection, auth: first!.auth, methods: given })
  const own = rest(source(id))
  return {
    kind: 'connector', id, title, docs, methods,
    settings: settings ?? asked([shared, given], 'setting'),
    check: check ? { path: check.path, query: check.query ?? {} } : null,
    source,
    connection: (name) => rest(source(name)),
    stream: (name: string, stream: Omit<StreamInput, 'name'>): StreamRef => own.stream(name, stream),
    action: (name: string, action: ActionOptions): ActionRef => own.action(name, action),
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
