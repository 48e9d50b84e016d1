import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openActions } from '../../destinations/actions/index.ts'
import { deletesSchema, guardSchema, placeholders, sourceSchema, streamSchema, textsOf } from '../../model/index.ts'
import type { Action, RefusedRow, StreamPlan } from '../../model/index.ts'
import { openConnection } from '../../protocols/rest/index.ts'
import { calledAt, stands, TOKEN } from '../account.ts'
import { startProxy } from '../proxy.ts'
import { startSink } from './sink.ts'
import type { ActingBench, ActingCase, ActingSubject } from './types.ts'

/** Starts the API of an action and gives what a case works with. The ledger stands in the database of Isthmus, whose tables must exist. */
export async function openActing(subject: ActingSubject, one: ActingCase, databaseUrl: string): Promise<ActingBench & { close(): Promise<void> }> {
  const columns = columnsOf(subject.action, subject.key)
  const row = (n: number, more: Record<string, string> = {}): Record<string, string> => ({ ...Object.fromEntries(columns.map((c) => [c, `${c}-${n}`])), ...more })
  const folder = await mkdtemp(join(tmpdir(), 'isthmus-conformance-'))
  const projectDir = subject.projectDir ?? folder
  const sink = await (subject.start ?? startSink)({ ...subject, refuses: one.refuses === undefined ? null : row(one.refuses)[subject.key[0]!]!, projectDir })
  const proxy = await startProxy(sink.url)
  const source = calledAt(proxy.url, subject.source)
  const resolve = stands()
  // A look-up may be trusted at once here.
  const action: Action = { ...subject.action, lookup: subject.action.lookup && { ...subject.action.lookup, settle: '0s' } }
  const plan: StreamPlan = {
    name: 'records', connection: 'conformance', source: sourceSchema.parse({ baseUrl: 'http://127.0.0.1' }), stream: streamSchema.parse({ name: 'records', key: subject.key }),
    destination: { kind: 'action', connection: `conformance-${subject.name}`, source, action },
    columns: columns.map((name) => ({ name, type: { kind: 'text' }, nullable: false, checked: false })),
    key: subject.key, mapping: { kind: 'code', hash: '' }, mode: 'upsert', deletes: deletesSchema.parse({}), guard: guardSchema.parse({}), freshness: null, chunk: { ms: 1, bytes: 1, requests: 1 }, scan: 's',
  }
  const streamKey = `conformance/${randomUUID()}`
  const actions = openActions(databaseUrl)
  let seq = 0
  return {
    subject, columns, proxy, row,
    effects: () => sink.effects,
    async post({ rows, token = async () => TOKEN, signal = new AbortController().signal, again = false }) {
      const connection = openConnection({ source, resolve, projectDir })
      const notes: string[] = []
      const refused: RefusedRow[] = []
      try {
        const destination = actions.open({
          destination: plan.destination as Extract<StreamPlan['destination'], { kind: 'action' }>, streamKey, resolve,
          account: { connection, token, pacer: null }, signIn: async () => {},
          note: async (message) => void notes.push(message),
        })
        const run = 'conformance'
        const { epoch } = await destination.begin(plan, streamKey, run)
        if (!again) seq += 1
        const path = join(folder, `${seq}.copy`)
        await writeFile(path, rows.map((r) => `${columns.map((c) => r[c]).join('\t')}\n`).join(''))
        const staged = { run, stream: plan.name, seq, file: path, rows: rows.length, bytes: 0, rejectsFile: '', rejected: 0, filtered: 0, read: rows.length, watermark: null }
        for (let calls = 0; calls < 20; calls++) {
          const result = await destination.post({ plan, streamKey, epoch, rows: staged, position: null, last: false }, path, signal, async (r) => void refused.push(...r))
          if (result.stop === null || result.stop.kind === 'refused' || result.stop.kind === 'authRequired') return { result, refused, notes }
          await sleep('untilMs' in result.stop ? Math.max(0, Math.min(result.stop.untilMs - Date.now(), 3_000)) : 0)
        }
        throw new Error('posting did not come to an end')
      } finally {
        await connection.close()
      }
    },
    close: async () => {
      await actions.close()
      await proxy.close()
      await sink.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Columns that an action uses. */
export function columnsOf(action: Action, key: string[]): string[] {
  const { lookup, batch, soap } = action
  const texts = [
    action.path, ...Object.values(action.query), ...Object.values(action.headers), ...textsOf(action.body), ...textsOf(action.graphql?.variables), ...textsOf(soap?.args ?? null),
    ...(lookup ? [lookup.path, ...Object.values(lookup.query), ...Object.values(lookup.match), ...textsOf(lookup.body), ...textsOf(lookup.graphql?.variables), ...textsOf(lookup.soap?.args ?? null)] : []),
  ]
  const names = new Set([...key, ...texts.flatMap(placeholders), ...(batch?.key && batch.key.column !== '{index}' ? [batch.key.column] : [])])
  if (action.body === null && action.graphql === null && textsOf(soap?.args ?? null).length === 0 && action.method !== 'DELETE') names.add('name')
  return [...names]
}
