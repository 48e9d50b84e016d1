import { z } from 'zod'
import { catalogue, type Connector } from '../../connectors/index.ts'
import { authSchema, type Auth } from '../../model/auth.ts'
import { at, IsthmusError } from '../../model/errors.ts'
import { sourceSchema, streamSchema, type Source, type Stream } from '../../model/source.ts'
import { splitTenant, withTenant } from '../../model/tenant.ts'
import { referencesIn } from '../../model/value.ts'
import { projectConnectors, surveyProject, useOneOf } from '../../project/index.ts'

/** One way to sign in, ready to be asked for. */
export interface ConnectMethod {
  title: string
  credentials: z.ZodObject
  auth: Auth
}

/** What can be connected: a connector, or the connection that syncs of the project describe. */
export interface ConnectTarget {
  /** Id of the connector; '' for what only syncs describe. */
  connector: string
  title: string
  docs: string
  /** Name of the connection when no other is given. */
  id: string
  settings: z.ZodObject
  methods: Record<string, ConnectMethod>
  source(connection: string): Source
  /** What is read once to see that it works; null when nothing is known to be cheap. */
  check: Stream | null
}

/** Connectors of the project, then those that come with Isthmus. */
export async function connectors(projectDir: string): Promise<Connector[]> {
  const own = await projectConnectors(projectDir)
  const good = own.flatMap((c) => c.connector ?? [])
  return [...good, ...catalogue.filter((c) => !good.some((o) => o.id === c.id))]
}

/**
 * Finds what a name stands for: a connector of the project, one of the catalogue, or the connection of a sync; `acme@north` is the account of a tenant at
 * `acme`. Throws NotFound, or what is wrong with the file.
 */
export async function connectTarget(projectDir: string, name: string): Promise<ConnectTarget> {
  const { id, tenant } = splitTenant(name)
  const target = await findTarget(projectDir, id)
  return tenant === null ? target : { ...target, id: withTenant(target.id, tenant) }
}

async function findTarget(projectDir: string, name: string): Promise<ConnectTarget> {
  const own = await projectConnectors(projectDir)
  const broken = own.find((c) => c.id === name && c.error)
  if (broken) throw broken.error!
  const all = await connectors(projectDir)
  const found = all.find((c) => c.id === name)
  if (found) return ofConnector(found, own.find((c) => c.id === name)?.file ?? '')
  const described = await describedBySyncs(projectDir)
  const source = described.get(name)
  if (source) return ofSync(name, source)
  throw new IsthmusError('NotFound', `there is no connector and no connection "${name}"`, { field: 'system', cure: `${useOneOf(name, [...described.keys(), ...all.map((c) => c.id)])}, or describe it in connectors/${name.replace(/[^\w.-]/g, '')}.ts` })
}

/** Connections that the project's syncs read from and post to, with the first stream read there. */
export async function describedBySyncs(projectDir: string): Promise<Map<string, { source: Source; stream: Stream | null; syncs: string[] }>> {
  const found = new Map<string, { source: Source; stream: Stream | null; syncs: string[] }>()
  const files = await surveyProject(projectDir).catch((error: unknown) => {
    if (error instanceof IsthmusError && error.type === 'NotFound') return []
    throw error
  })
  const add = (name: string, source: Source, stream: Stream | null, sync: string): void => {
    const known = found.get(name) ?? { source, stream, syncs: [] }
    found.set(name, { ...known, stream: known.stream ?? stream, syncs: [...new Set([...known.syncs, sync])] })
  }
  for (const { sync } of files) {
    for (const s of sync?.plan.streams ?? []) {
      add(s.connection, s.source, s.stream, sync!.plan.id)
      if (s.destination.kind === 'action') add(s.destination.connection, s.destination.source, null, sync!.plan.id)
    }
  }
  return found
}

function ofConnector(c: Connector, file: string): ConnectTarget {
  try {
    const source = (connection: string): Source => sourceSchema.parse({ kind: 'rest', ...c.source(connection) })
    source(c.id)
    return {
      connector: c.id, title: c.title, docs: c.docs, id: c.id, settings: c.settings, source,
      methods: Object.fromEntries(Object.entries(c.methods).map(([name, m]) => [name, { title: m.title, credentials: m.credentials, auth: authSchema.parse(m.auth) }])),
      check: c.check && streamSchema.parse({ name: 'check', ...c.check }),
    }
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    const [issue] = error.issues
    throw new IsthmusError('InvalidInput', `the connector "${c.id}" is not right: ${issue?.message ?? 'it cannot be read'}`, { ...(file && { file }), field: issue?.path.join('.') || 'auth', cause: error })
  }
}

function ofSync(name: string, { source, stream }: { source: Source; stream: Stream | null }): ConnectTarget {
  const asked = (part: unknown, kind: 'setting' | 'credential'): z.ZodObject => z.object(Object.fromEntries(referencesIn(part, kind).map((field) => [field, z.string().min(1)])))
  const methods = Object.keys(source.methods).length > 0 ? source.methods : { default: source.auth }
  return {
    connector: '', title: name, docs: '', id: name,
    settings: asked({ ...source, methods }, 'setting'),
    methods: Object.fromEntries(Object.entries(methods).map(([method, auth]) => [method, { title: method, auth, credentials: asked([auth, source.headers, source.query, source.tls], 'credential') }])),
    source: () => source,
    check: stream,
  }
}

/** The method of a name; the only or first one when none is given. Throws NotFound. */
export function methodOf(target: ConnectTarget, name: string | undefined): { name: string; method: ConnectMethod } {
  const names = Object.keys(target.methods)
  const chosen = name ?? names[0]!
  const method = target.methods[chosen]
  if (!method) throw at(new IsthmusError('NotFound', `${target.title} has no sign-in method "${chosen}"`, { cure: useOneOf(chosen, names) }), { field: '--method' })
  return { name: chosen, method }
}
