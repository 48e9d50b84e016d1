import type { z } from 'zod'
import type { Connector } from '../connectors/define.ts'
import { actionTexts, placeholders, type Action, type ActionInput } from '../model/action.ts'
import { IsthmusError } from '../model/errors.ts'
import { columnsOf, fields, t } from '../model/mapping/index.ts'
import type { Plan, StreamPlan } from '../model/plan.ts'
import { splitTenant, withTenant } from '../model/tenant.ts'
import { actionSchema } from '../model/action.ts'
import { z as zod } from 'zod'
import { compileSync, hashed } from './compile.ts'
import type { AnyFlow, SyncDefinition } from './define.ts'
import type { LoadedSync } from './load.ts'
import { findConnector } from './load-connectors.ts'
import { useOneOf } from './nearest.ts'
import { parseOr } from './issues.ts'

/** Name of the one stream of a post. */
const STREAM = 'records'

/** Records of a staged file, for a declared action. */
export interface PostRecipe {
  connection: string
  connector: Connector
  /** The connector's file; '' for one of the catalogue. */
  file: string
  action: string
  /** The staged file, relative to the project. */
  staged: string
  /** Fields that identify a record; null takes those that the action declares. */
  key: string[] | null
}

/** Id of the sync that posts to an action. */
export function postId(connection: string, action: string): string {
  const { id, tenant } = splitTenant(connection)
  return withTenant(`post/${id}/${action.replace(/[^\w.-]/g, '-')}`, tenant ?? undefined)
}

/** The sync that posts a file: as if somebody had written it. Throws InvalidInput naming the field, or NotFound. */
export function compilePost({ connection, connector, file, action: name, staged, key }: PostRecipe): LoadedSync {
  const place = { ...(file && { file }), field: `actions.${name}` }
  const known = connector.actions.find((a) => a.name === name)
  if (!known) {
    const names = connector.actions.map((a) => a.name)
    throw new IsthmusError('NotFound', `the connector "${connector.id}" declares no action "${name}"`, { ...place, cure: names.length > 0 ? useOneOf(name, names) : `declare it: defineConnector('${connector.id}', { ..., actions: { '${name}': { path: ... } } })` })
  }
  const ref = connector.connection(connection).action(name)
  const by = key ?? ref.key
  if (by === null || by.length === 0) throw new IsthmusError('InvalidInput', 'nothing says which field identifies a record, so that none is sent twice', { field: '--key', cure: `add --key id, or declare it: actions: { '${name}': { key: 'id', ... } }` })
  const action = parseOr(actionSchema, ref.action, { file: place.file ?? `connector ${connector.id}`, field: place.field })
  const { model, body } = known.model ? { model: known.model, body: ref.action.body } : guessed(action, by)
  const flow = {
    from: { kind: 'stream', source: { kind: 'file', baseUrl: '' }, stream: { name: STREAM, key: by.map((k) => [k]), format: 'ndjson', file: { path: staged, connector: connector.id, action: name, modelled: known.model !== null } } },
    to: { ...ref, action: { ...ref.action, body } as ActionInput, key: by },
    model,
    map: fields(Object.fromEntries(Object.keys(model.shape).map((column) => [column, { path: column === WHOLE ? [] : column }])) as never),
  } as unknown as AnyFlow
  const id = postId(connection, name)
  const definition: SyncDefinition = { kind: 'sync', flows: [flow], every: null, on: [], id: splitTenant(id).id }
  const { hash: _, ...plan } = compileSync(definition, { id, file: file || `connector ${connector.id}`, text: '' })
  return { definition, plan: hashed({ ...plan, id }) }
}

/** Column that holds a record as it is. */
const WHOLE = '_record'

/** What an action takes that does not say it: a JSON column for each field it names; the record as it is where it sends all of it. */
function guessed(action: Action, key: string[]): { model: z.ZodObject; body: unknown } {
  const args = action.soap?.args
  const sendsAll = action.body === null && action.graphql === null && (args === undefined || args === null || Object.keys(args).length === 0) && !(action.method === 'DELETE' && action.soap === null)
  const named = actionTexts(action).flatMap(([, texts]) => texts).flatMap(placeholders).filter((name) => name !== 'record' && name !== 'index' && name !== 'version')
  const column = action.batch?.key?.column
  const names = [...new Set([...key, ...named, ...(column && column !== '{index}' ? [column] : [])])]
  const shape = Object.fromEntries(names.map((name) => [name, key.includes(name) ? t.json() : t.json().nullable()]))
  return { model: zod.object({ ...shape, ...(sendsAll && { [WHOLE]: t.json() }) }), body: sendsAll ? `{${WHOLE}}` : action.body }
}

/** A plan that posts a file. */
export function isPost(plan: Plan): boolean {
  return plan.streams[0]?.stream.file !== null
}

/** The sync of a plan that posts, with the connector as it is now. Throws NotFound when it is gone. */
export async function recompilePost(projectDir: string, plan: Plan): Promise<LoadedSync> {
  const [stream] = plan.streams as [StreamPlan]
  const { path, connector: id, action } = stream.stream.file!
  const found = await findConnector(projectDir, id)
  if (!found) throw new IsthmusError('NotFound', `there is no connector "${id}" any more`, { file: plan.file })
  const connection = stream.destination.kind === 'action' ? stream.destination.connection : id
  return compilePost({ ...found, connection, action, staged: path, key: stream.key })
}

/** The model that checks the records of a stream of a post; undefined when it has none. Throws UserCode when it was changed meanwhile. */
export async function postModel(projectDir: string, stream: StreamPlan): Promise<z.ZodObject | undefined> {
  const { connector, action, modelled } = stream.stream.file!
  if (!modelled) return undefined
  const model = (await findConnector(projectDir, connector))?.connector.actions.find((a) => a.name === action)?.model
  if (!model || JSON.stringify(columnsOf(model)) !== JSON.stringify(stream.columns)) {
    throw new IsthmusError('UserCode', `the model of ${action} was changed while records were posted`, { field: `actions.${action}.model`, cure: 'post the file again: records that were sent are not sent twice' })
  }
  return model
}
