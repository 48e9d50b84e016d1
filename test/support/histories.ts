import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { History, Payload } from '@temporalio/common/lib/proto-utils.js'
import { loadVaultKey, openStore } from '../../store/index.ts'
import { EncryptionCodec } from '../../workers/codec/index.ts'

/**
 * JSON of protobuf messages by the very copy of protobufjs that made them: npm may install one for each package of
 * the SDK, and then `historyToJSON` and `historyFromJSON` of `@temporalio/common` refuse the other's types.
 */
const fromWorker = createRequire(createRequire(import.meta.url).resolve('@temporalio/worker'))
const fromProto = createRequire(fromWorker.resolve('@temporalio/proto'))
const { toJson, fromJson } = fromProto('protobufjs/ext/protojson') as {
  toJson(type: unknown, message: unknown): unknown
  fromJson(type: unknown, json: unknown, options: { ignoreUnknownFields: boolean }): History
}
const { patchProtobufRoot } = fromProto('@temporalio/proto/lib/patch-protobuf-root') as { patchProtobufRoot(root: unknown): { lookupType(name: string): { fromObject(value: History): unknown } } }
const historyType = patchProtobufRoot(fromProto('@temporalio/proto')).lookupType('temporal.api.history.v1.History')

/** A history as Temporal's own tools write it. */
export function historyText(history: History): string {
  return `${JSON.stringify(toJson(historyType, historyType.fromObject(history)))}\n`
}

/** Where the stored histories of all releases lie, one folder for each. */
export const HISTORIES = fileURLToPath(new URL('../replay/histories/', import.meta.url))

export interface StoredHistory {
  /** `0.1.0/plain.stream.json` */
  name: string
  text: string
  history: History
}

/** All stored histories, sorted by name. */
export function storedHistories(): StoredHistory[] {
  const names = readdirSync(HISTORIES, { recursive: true }).map(String).filter((name) => name.endsWith('.json')).sort()
  return names.map((name) => {
    const text = readFileSync(HISTORIES + name, 'utf8')
    return { name: name.replaceAll('\\', '/'), text, history: fromJson(historyType, JSON.parse(text), { ignoreUnknownFields: true }) }
  })
}

export type HistoryEvent = NonNullable<History['events']>[number]

/** Every payload of a history: arguments, results, failure details, search attributes, summaries. */
export function payloads(value: unknown, found: Payload[] = []): Payload[] {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return found
  if ('metadata' in value && 'data' in value && value.data instanceof Uint8Array) found.push(value as Payload)
  else for (const inner of Object.values(value)) payloads(inner, found)
  return found
}

/** What a payload holds, as text. */
export function decoded(payload: Payload): string {
  return Buffer.from(payload.data ?? []).toString('utf8')
}

/** The summary that the Temporal UI shows of an event; '' when it has none. */
export function summaryOf(event: HistoryEvent): string {
  const summary = event.userMetadata?.summary
  return summary ? (JSON.parse(decoded(summary)) as string) : ''
}

/** Does something with the codec of a project's vault. */
export async function withCodec<R>(project: { dir: string }, databaseUrl: string, body: (codec: EncryptionCodec) => Promise<R>): Promise<R> {
  const store = await openStore(databaseUrl, { key: await loadVaultKey({ env: {}, projectDir: project.dir }) })
  try {
    return await body(new EncryptionCodec(await store.payloadKeys()))
  } finally {
    await store.close()
  }
}

/** The payloads of a history, opened with the keys of a project's vault. */
export async function opened(history: unknown, project: { dir: string }, databaseUrl: string): Promise<Payload[]> {
  return withCodec(project, databaseUrl, (codec) => codec.decode(payloads(history)))
}

/** Opens every payload of a history where it stands. */
export async function openHistory(history: History, codec: EncryptionCodec): Promise<void> {
  const found = payloads(history)
  const plain = await codec.decode(found)
  for (const [i, payload] of found.entries()) Object.assign(payload, { metadata: plain[i]!.metadata, data: plain[i]!.data })
}
