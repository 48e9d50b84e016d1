// A job that comes after a sync. It may be started again at any moment, by a timer or after a crash: the key makes sure that there is one run a day,
// and the job's own table that its result is written once for a run.
import pg from 'pg'

/** Runs the sync of a day, then adds up what it brought. Gives the totals; throws when the sync did not end well. */
export async function nightly({ isthmus, databaseUrl, day }) {
  const run = await isthmus.syncs.start('transactions', { idempotencyKey: `nightly ${day}` })
  const receipt = await run.result()
  // Rejected records are set aside, and whether that is good enough is yours to say.
  if (receipt.outcome !== 'completed') throw new Error(`run ${run.run} is ${receipt.outcome}: no totals are made. See ${run.uiUrl ?? 'isthmus status transactions'}`)
  return totals(databaseUrl, run.run)
}

async function totals(databaseUrl, run) {
  const db = new pg.Client({ connectionString: databaseUrl })
  await db.connect()
  try {
    await db.query('create table if not exists totals (run text, currency text, transactions bigint not null, amount numeric not null, primary key (run, currency))')
    await db.query('insert into totals select $1, currency, count(*), sum(amount) from transactions group by currency on conflict do nothing', [run])
    return (await db.query('select currency, transactions, amount from totals where run = $1 order by currency', [run])).rows
  } finally {
    await db.end()
  }
}
