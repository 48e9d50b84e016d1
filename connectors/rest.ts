import type { SourceInput, StreamInput } from '../model/source.ts'

/** A stream of a source, as a sync names it in `from`. Plain data; checked when the sync is compiled. */
export interface StreamRef {
  kind: 'stream'
  source: SourceInput
  stream: StreamInput
}

export interface RestSource {
  /** Names a collection of records of this API: path, where the records are, key, paging, increments. */
  stream(name: string, stream: Omit<StreamInput, 'name'>): StreamRef
}

/**
 * A REST API that answers JSON: base URL, auth, limits, and its streams.
 * Everything is plain data, so the same description can be written by hand or by an importer.
 */
export function rest(source: Omit<SourceInput, 'kind'>): RestSource {
  return {
    stream: (name, stream) => ({ kind: 'stream', source: { kind: 'rest', ...source }, stream: { name, ...stream } }),
  }
}
