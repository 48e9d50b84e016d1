import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { sourceSchema, streamSchema } from '../../model/index.ts'
import { postgres } from '../../project/index.ts'
import { keyOf, momentOf } from '../double/records.ts'
import type { Subject } from '../types.ts'

/** More than one page of a query. */
const ROWS = 2_300

/** Rows of a query, in the PostgreSQL of the command. */
const sql: Subject = {
  name: 'sql', server: 'PostgreSQL', over: 'database',
  async start({ databaseUrl }) {
    const table = `conformance_${randomBytes(6).toString('hex')}`
    const run = async (text: string, values: unknown[] = []): Promise<void> => {
      const client = new pg.Client({ connectionString: databaseUrl })
      await client.connect()
      await client.query(text, values).finally(() => client.end())
    }
    await run(`create table ${pg.escapeIdentifier(table)} as select (100001 + i)::text as id, 'Name ' || i || ' & <Söhne>' || repeat('.', 60) as name, 9007199254740993.10 + i as amount, timestamptz '2026-01-01Z' + i * interval '1 minute' as updated_at from generate_series(0, ${ROWS - 1}) i`)
    const { source, stream } = postgres({ url: { env: 'URL' } }).query(`select id, name, amount, updated_at from ${pg.escapeIdentifier(table)}`, { key: 'id', incremental: 'updated_at' })
    const keys = Array.from({ length: ROWS }, (_, n) => keyOf(n))
    const middle = ROWS / 2
    return {
      url: databaseUrl, source: sourceSchema.parse(source), stream: streamSchema.parse(stream), keys, values: {}, quirky: false,
      since: { bound: new Date(momentOf(middle)).toISOString(), keys: keys.slice(middle) },
      close: () => run(`drop table ${pg.escapeIdentifier(table)}`),
    }
  },
}

/** Records of a file, staged as `isthmus post` stages them. */
const file: Subject = {
  name: 'file', server: 'file', over: 'file',
  async start({ records }) {
    const projectDir = await mkdtemp(join(tmpdir(), 'isthmus-conformance-'))
    const keys = Array.from({ length: records }, (_, n) => keyOf(n))
    // Several pages.
    const text = keys.map((id, n) => `${JSON.stringify({ id, name: `Name ${n} & <Söhne>`, note: 'x'.repeat(30_000) }).slice(0, -1)},"amount":9007199254740993.10}\n`).join('')
    const path = `.isthmus/posts/${createHash('sha256').update(text).digest('hex').slice(0, 32)}.jsonl`
    await mkdir(join(projectDir, '.isthmus/posts'), { recursive: true })
    await writeFile(join(projectDir, path), text)
    return {
      url: '', projectDir, keys, values: {}, quirky: false, since: null,
      source: sourceSchema.parse({ kind: 'file', baseUrl: '' }),
      stream: streamSchema.parse({ name: 'records', key: 'id', format: 'ndjson', file: { path, connector: 'acme', action: 'x', modelled: false } }),
      close: () => rm(projectDir, { recursive: true, force: true }),
    }
  },
}

/** Streams that are no API. */
export const ROWS_SUBJECTS: Subject[] = [sql, file]
