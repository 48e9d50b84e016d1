import type { ActionInput } from '../model/action.ts'
import type { SourceInput, StreamInput } from '../model/source.ts'
import type { GraphqlDraft } from './graphql/types.ts'
import type { TriggerRef } from './webhook.ts'

/** A stream of a source, as a sync names it in `from`. Plain data; checked when the sync is compiled. */
export interface StreamRef {
  kind: 'stream'
  source: SourceInput
  stream: StreamInput
  /** What a stream of a GraphQL API was made of: its document may have to wait for the mapping that it is written for. */
  graphql?: GraphqlDraft
  /** Events that make its sync run. */
  on?: TriggerRef
}

/** An action of an API, as a sync names it in `to`. Plain data; checked when the sync is compiled. */
export interface ActionRef {
  kind: 'action'
  source: SourceInput
  action: ActionInput
  key: string[] | null
}

export interface ActionOptions extends Omit<ActionInput, 'name'> {
  /** Columns of the model that identify a record. Default: the columns filled from the stream's `key`. */
  key?: string | string[]
}

export interface RestSource {
  /** Names a collection of records of this API: path, where the records are, key, paging, increments. */
  stream(name: string, stream: Omit<StreamInput, 'name'>): StreamRef
  /** Names a write of this API that is called for each record: path, method, body, idempotency key, look-up, batches. */
  action(name: string, action: ActionOptions): ActionRef
}

/**
 * A REST API that answers JSON: base URL, auth, limits, its streams and its actions.
 * Everything is plain data, so the same description can be written by hand or by an importer.
 */
export function rest(source: Omit<SourceInput, 'kind'>): RestSource {
  return {
    stream: (name, stream) => ({ kind: 'stream', source: { kind: 'rest', ...source }, stream: { name, ...stream } }),
    action: (name, { key, ...action }) => ({ kind: 'action', source: { kind: 'rest', ...source }, action: { name, ...action }, key: key === undefined ? null : [key].flat() }),
  }
}
