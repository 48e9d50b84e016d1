import type pg from 'pg'
import { MIGRATIONS } from './migrations/index.ts'
import { STATE_LOCK } from './postgres.ts'
import { inTransaction } from './transaction.ts'

/** Brings the schema `isthmus` up to date; processes that do so at once take turns. */
export async function migrate(pool: pg.Pool, migrations = MIGRATIONS): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [STATE_LOCK])
    await client.query('create schema if not exists isthmus')
    await client.query('create table if not exists isthmus.migrations (id integer primary key, name text not null, applied_at timestamptz not null default now())')
    const { rows } = await client.query<{ id: number }>('select id from isthmus.migrations')
    const applied = new Set(rows.map((r) => r.id))
    for (const { id, name, sql } of migrations) {
      if (applied.has(id)) continue
      await client.query(sql)
      await client.query('insert into isthmus.migrations (id, name) values ($1, $2)', [id, name])
    }
  })
}
