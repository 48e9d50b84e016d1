import { open, pacerOf, type OpenStream } from '../activities/context.ts'
import { FIRST_PAGE } from '../activities/first-page.ts'
import { recordsOf, rowMapper } from '../activities/map.ts'
import { signIn } from '../activities/sign-in.ts'
import { stageDir } from '../activities/deps.ts'
import { inTo, openActions, type Actions } from '../destinations/actions/index.ts'
import { postgresDestination } from '../destinations/postgres/index.ts'
import { at, IsthmusError } from '../model/errors.ts'
import type { TokenOwner } from '../model/owner.ts'
import { lapses } from '../model/position.ts'
import type { PageRead, RowDestination, Store } from '../model/ports.ts'
import type { PageStop, Position } from '../model/run.ts'
import type { Environment, LoadedSync } from '../project/index.ts'
import { isAbortError } from '../protocols/http/index.ts'
import { folderStage } from '../stage/index.ts'

/** Where the look at a stream's first page began: the run takes the page over when it begins there too. */
export interface FirstPage {
  position: Position | null
  since: string | null
  /** Requests that the look took. */
  requests: number
  /** Why the scan has to begin anew; '' when it goes on where it stands. */
  anew: string
}

export interface PreflightOptions {
  run: string
  environment: Environment
  store: Store
  databaseUrl: string
  /** Who refreshes tokens; it finds the plan and the run's settings in the store. */
  owner: TokenOwner | null
  projectDir: string
  /** Why all scans begin anew; '' when interrupted ones go on. */
  anew: string
  /** Ends the look early. */
  signal?: AbortSignal | undefined
}

/** One look at a source must not keep a person waiting. */
const LOOK_MS = 20_000

/**
 * Looks at everything a run needs before it is started: destination, credentials, the first page and its mapping.
 * The page is staged for the run, so that it is asked for once. Throws the signal's reason, or the IsthmusError a run would end with.
 */
export async function preflight(sync: LoadedSync, options: PreflightOptions): Promise<Map<string, FirstPage>> {
  const destinations = new Map<string, RowDestination>()
  const destination = (url: string): RowDestination => {
    const known = destinations.get(url) ?? postgresDestination(url)
    destinations.set(url, known)
    return known
  }
  let actions: Actions | null = null
  const deps = { destination, databaseUrl: options.databaseUrl, store: options.store, owner: options.owner, projectDir: options.projectDir, actions: () => (actions ??= openActions(options.databaseUrl)) }
  const pages = new Map<string, FirstPage>()
  const opened: OpenStream[] = []
  try {
    for (const stream of sync.plan.streams) {
      const place = { file: sync.plan.file, field: '' }
      try {
        const one = await open(deps, sync.plan, stream, options.environment, { target: { sync: sync.plan.id, run: options.run, plan: sync.plan.hash, stream: stream.name, round: 0 } })
        opened.push(one)
        const [table, first] = await Promise.allSettled([checkDestination(one, options), look(sync, one, options)])
        if (table.status === 'rejected') throw table.reason
        if (first.status === 'rejected') throw first.reason
        if (first.value) pages.set(stream.name, first.value)
      } catch (error) {
        // What its libraries make of the signal has another name than its reason.
        if (options.signal?.aborted && isAbortError(error)) throw options.signal.reason
        throw error instanceof IsthmusError ? at(error, place) : error
      }
    }
    return pages
  } finally {
    await Promise.all([...opened.map((o) => o.close()), ...[...destinations.values()].map((d) => d.close()), closeActions(actions)])
  }
}

function closeActions(actions: Actions | null): Promise<void> | undefined {
  return actions?.close()
}

/** The table, or the sign-in of the action: nothing is sent to an action before the run. */
async function checkDestination(one: OpenStream, { store, run, owner }: PreflightOptions): Promise<void> {
  await one.destination.check(one.stream)
  if (!one.account?.reader.auth.needsToken) return
  const { account } = one
  await signIn(store, account, -1, { run, stream: one.stream.name }, AbortSignal.timeout(LOOK_MS), owner).catch((error: unknown) => {
    throw error instanceof IsthmusError ? inTo(() => {
      throw error
    }) : error
  })
}

async function look(sync: LoadedSync, one: OpenStream, options: PreflightOptions): Promise<FirstPage | null> {
  // A report would be prepared for the look alone.
  if (one.stream.stream.job) return null
  const { run, store, projectDir, owner } = options
  const timeout = AbortSignal.timeout(LOOK_MS * 3)
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout
  const held = await one.destination.peek(one.stream, one.streamKey)
  let anew = options.anew
  let requests = 0
  const chunk = { run, stream: one.stream.name, seq: FIRST_PAGE }
  const stage = folderStage(stageDir(projectDir))
  // A stored token may have been revoked: one more sign-in tells a stale token from wrong credentials.
  for (let seen = -1, attempt = 1; ; attempt += 1) {
    if (one.reader.auth.needsToken) seen = (await signIn(store, one, seen, { run, stream: one.stream.name }, signal, owner)).token.version
    const start = anew ? { position: null, since: held.since } : held
    const writer = await stage.writer(chunk)
    let first: PageRead | null = null
    const read = await one.reader.read({
      ...start, budget: { untilMs: Date.now() + LOOK_MS, bytes: Infinity, requests: 1 },
      token: () => store.getToken(one.tokenKey),
      pacer: pacerOf(store, one, `${run}/${one.stream.name}`, 'interactive'),
      signal,
      onPage: async (page) => {
        first = page
        await writer.append(page)
      },
    }).finally(() => writer.close())
    requests += read.requests
    if (read.stop.kind === 'authRequired' && attempt === 1) continue
    // A cursor that an earlier run left may have lapsed: then the scan begins anew, unless that would double rows.
    if (!anew && lapsed(start.position, read.stop) && one.stream.mode !== 'append') {
      anew = 'reason' in read.stop ? read.stop.reason : 'the place to go on from is lost'
      continue
    }
    refuse(read.stop)
    if (first === null) return null
    await tryMapping(sync, one, first)
    return { ...start, requests, anew }
  }
}

/** The place an earlier run left is refused, and it is of a kind that lapses. */
function lapsed(position: Position | null, stop: PageStop): boolean {
  return stop.kind === 'positionLost' || (lapses(position) && stop.kind === 'refused' && stop.type === 'Contract')
}

/** Stops that no waiting cures are refused here; the others are the run's matter. */
export function refuse(stop: PageStop): void {
  if (stop.kind === 'refused') throw new IsthmusError(stop.type, stop.reason, { field: stop.field, cure: stop.cure })
  if (stop.kind === 'positionLost') {
    throw new IsthmusError('Contract', stop.reason, { field: 'from.page', cure: 'begin anew with `isthmus run --from-start`; a table of mode append would get records twice' })
  }
  if (stop.kind === 'authRequired') throw new IsthmusError('AuthFailed', `${stop.reason}, with a token just fetched`, { field: 'from.auth', cure: 'check the credentials and what they are allowed to read' })
  if (stop.kind === 'interrupted' && stop.type === 'Unreachable') throw new IsthmusError('Unreachable', stop.reason, { field: 'from.baseUrl', cure: 'check the address, and that the API runs' })
}

/** A mapping that refuses every record of the first page is wrong, and told before a run begins. */
export async function tryMapping(sync: LoadedSync, one: OpenStream, page: PageRead): Promise<void> {
  const mapper = rowMapper(one.stream, sync.definition.flows[sync.definition.flows.length > 1 ? indexOf(sync, one) : 0])
  const records = recordsOf(one.stream, page, mapper)
  let first: { reason: string; field: string } | null = null
  for (const record of records) {
    const verdict = mapper.map(record, { text: '' })
    if (verdict === null || verdict === 'filtered') return
    first ??= verdict
  }
  if (first) {
    throw new IsthmusError('InvalidInput', `no record of the first page fits the model: ${first.reason}`, { field: first.field ? `map.${first.field}` : 'map', cure: 'correct the mapping or the model' })
  }
}

function indexOf(sync: LoadedSync, one: OpenStream): number {
  return sync.definition.flows.findIndex((f) => f.from.stream.name === one.stream.name)
}
