import { catalogue } from '../../connectors/index.ts'
import { IsthmusError } from '../../model/index.ts'
import { loadSync, projectConnectors, syncFiles, useOneOf } from '../../project/index.ts'
import type { ActingSubject } from '../acting/types.ts'
import type { Subject } from '../types.ts'
import { ACTING_OVER } from './acting.ts'
import { ACTIONS } from './actions.ts'
import { declaredSubjects, streamSubject } from './declared.ts'
import type { HookSubject } from '../hooks/types.ts'
import { HOOK_SUBJECTS } from './hooks.ts'
import { GRAPHQL } from './graphql.ts'
import { ODATA } from './odata.ts'
import { REST } from './rest.ts'
import { ROWS_SUBJECTS } from './rows.ts'
import { SOAP } from './soap.ts'

export interface Subjects {
  streams: Subject[]
  actions: ActingSubject[]
  hooks: HookSubject[]
}

/**
 * Everything the suite can be run over here: the protocols, the catalogue's connectors, the project's own, and the syncs that are named.
 * `names` picks: a subject (`rest-cursor`, `acme/orders`), a connector (`acme`), a family (`rest`), a sync. Throws NotFound.
 */
export async function subjectsOf(projectDir: string, names: string[]): Promise<Subjects> {
  const own = await projectConnectors(projectDir)
  const isNamed = (id: string): boolean => names.some((n) => n === id || n.startsWith(`${id}/`))
  const actions = [...ACTIONS, ...ACTING_OVER]
  const streams = [...REST, ...GRAPHQL, ...ODATA, ...SOAP, ...ROWS_SUBJECTS]
  const isFamily = (id: string): boolean => [...streams, ...actions, ...HOOK_SUBJECTS].some((s) => fits(s, id))
  // A file beside the connectors may be something else, until somebody names it: and `rest` names the protocol.
  const broken = own.find((c) => c.error && (c.error.field !== 'default' ? names.length === 0 || isNamed(c.id) : isNamed(c.id) && !isFamily(c.id)))
  if (broken) throw broken.error!
  const connectors = [...own.flatMap((c) => c.connector ?? []), ...catalogue.filter((c) => !own.some((o) => o.id === c.id))].map((c) => declaredSubjects(c, projectDir))
  const all: Subjects = { streams: [...streams, ...connectors.flatMap((c) => c.streams)], actions: [...actions, ...connectors.flatMap((c) => c.actions)], hooks: HOOK_SUBJECTS }
  if (names.length === 0) return all
  const picked: Subjects = { streams: [], actions: [], hooks: [] }
  for (const name of names) {
    const exact = [...all.streams, ...all.actions, ...all.hooks].some((s) => s.name === name)
    const picks = (s: { name: string }): boolean => (exact ? s.name === name : fits(s, name))
    const found: Subjects = { streams: all.streams.filter(picks), actions: all.actions.filter(picks), hooks: all.hooks.filter(picks) }
    if (found.streams.length + found.actions.length + found.hooks.length === 0) found.streams = await ofSync(projectDir, name, all, own.map((c) => c.id))
    picked.streams.push(...found.streams)
    picked.actions.push(...found.actions)
    picked.hooks.push(...found.hooks)
  }
  return picked
}

/** A name stands for a subject, a connector's streams, or a family. */
function fits({ name }: { name: string }, given: string): boolean {
  return name === given || name.startsWith(`${given}/`) || name.startsWith(`${given}-`)
}

async function ofSync(projectDir: string, name: string, all: Subjects, own: string[]): Promise<Subject[]> {
  const files = await syncFiles(projectDir).catch(() => [])
  if (!files.some((f) => f.id === name)) {
    const bare = [...own, ...catalogue.map((c) => c.id)].find((id) => id === name)
    if (bare !== undefined) throw new IsthmusError('NotFound', `the connector "${name}" declares no streams and no actions`, { cure: `declare them: defineConnector('${name}', { streams: { ... }, actions: { ... } })` })
    throw new IsthmusError('NotFound', `there is nothing named "${name}" to run the suite over`, { cure: useOneOf(name, [...[...all.streams, ...all.actions, ...all.hooks].map((s) => s.name), ...files.map((f) => f.id)]) })
  }
  const { definition } = await loadSync(projectDir, name)
  return definition.flows.map((f) => streamSubject(`${name}/${f.from.stream.name}`, f.from, projectDir))
}
