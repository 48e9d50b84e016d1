import { createHash } from 'node:crypto'
import type pg from 'pg'
import { IsthmusError } from '../../model/errors.ts'

const LOCK_WAIT_MS = 10_000

/** Name under which PostgreSQL lists the connections that work for a stream. */
export function sessionName(streamKey: string): string {
  return `isthmus ${createHash('sha256').update(streamKey).digest('hex').slice(0, 24)}`
}

/**
 * Runs `body` in one transaction that ends when `signal` is aborted. A lock that a stopped attempt at the same stream still holds is
 * waited for, then taken by ending that attempt's connection.
 */
export async function transaction<R>(pool: pg.Pool, session: string, signal: AbortSignal | null, body: (client: pg.PoolClient) => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(pool, session, signal, body)
    } catch (error) {
      if ((error as { code?: string }).code !== '55P03' || attempt > 1) throw error
      await endSessions(pool, session)
    }
  }
}

/** Ends what other connections do for the stream. What they have not committed is undone. */
export async function endSessions(pool: pg.Pool, session: string): Promise<void> {
  await pool.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and usename = current_user and datname = current_database() and pid <> pg_backend_pid()',
    [session],
  )
}

async function once<R>(pool: pg.Pool, session: string, signal: AbortSignal | null, body: (client: pg.PoolClient) => Promise<R>): Promise<R> {
  signal?.throwIfAborted()
  const client = await pool.connect()
  let broken: Error | undefined
  const abort = () => {
    broken = new Error('aborted')
    cutOff(pool, client)
  }
  signal?.addEventListener('abort', abort, { once: true })
  try {
    await client.query(`begin isolation level read committed; set local application_name = '${session}'; set local lock_timeout = ${LOCK_WAIT_MS}; set local statement_timeout = 0`)
    const result = await body(client)
    await client.query('commit')
    return result
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    await client.query('rollback').catch((e: Error) => {
      broken = e
    })
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
    client.release(broken)
  }
}

/** Ends a connection and what its backend does, also when neither would notice by itself. */
function cutOff(pool: pg.Pool, client: pg.PoolClient): void {
  const { processID, connection } = client as unknown as { processID: number; connection: { stream: { destroy(error: Error): void } } }
  pool.query('select pg_terminate_backend($1)', [processID]).catch(() => {})
  connection.stream.destroy(new IsthmusError('Transient', 'The step was cancelled'))
}
