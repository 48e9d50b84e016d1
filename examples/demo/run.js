#!/usr/bin/env node
// The demo: an API in a box, 20,000 transactions, a token that dies on the way, one 429, rows in PostgreSQL.
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import pc from 'picocolors'
import pg from 'pg'
import { createOutput, withoutPassword } from '../../dist/client/cli/output.js'
import { ProgressView } from '../../dist/client/cli/progress.js'
import { jsonReceipt, summary } from '../../dist/client/cli/receipt.js'
import { exitCode } from '../../dist/client/cli/run.js'
import { Isthmus } from '../../dist/index.js'
import { SIMULATOR_CREDENTIALS, startSimulator } from '../../dist/simulator/index.js'
import { findStack, startStack } from '../../dist/workers/index.js'

const { values } = parseArgs({
  options: {
    keep: { type: 'boolean', default: process.stdout.isTTY === true },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
  allowNegative: true,
})
if (values.help) {
  console.log('npm run demo -- [--keep | --no-keep] [--json]\n  --keep   stay up after the run, until Ctrl-C, to look at it in the Temporal UI (the default in a terminal)\n  --json   one JSON line with the receipt at the end')
  process.exit(0)
}

const RECORDS = 20_000
const projectDir = fileURLToPath(new URL('.', import.meta.url))
const began = Date.now()
const seconds = () => ((Date.now() - began) / 1000).toFixed(1)
const output = createOutput()
const say = (text) => output.err(text)

const stop = new AbortController()
let stack = null
let api = null
let isthmus = null
const close = async () => {
  await isthmus?.close()
  await stack?.stop()
  await api?.close()
}
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(130)
    stop.abort()
    say('stopping')
  })
}

let code = 0
try {
  say(pc.bold('Isthmus demo: 20,000 bank transactions from an API into PostgreSQL'))
  if (await findStack(projectDir)) throw new Error('the demo runs already (see its other terminal)')
  api = await startSimulator({
    records: { transactions: RECORDS }, latencyMs: 30, auth: 'oauth',
    // On the way: the token dies after 12 requests, and the 25th request is answered 429.
    expireTokenAfterRequests: 12, throttleOnce: { atRequest: 25, retryAfterSeconds: 12 },
  })
  say(`${seconds()} s  the API in a box answers at ${api.url}`)
  process.env.DEMO_URL = api.url
  process.env.DEMO_CLIENT_ID = SIMULATOR_CREDENTIALS.clientId
  process.env.DEMO_CLIENT_SECRET = SIMULATOR_CREDENTIALS.clientSecret
  stack = await startStack({ projectDir, log: (_level, line) => say(`${seconds()} s  ${line}`) })

  isthmus = new Isthmus({ projectDir })
  const run = await isthmus.syncs.start('transactions')
  say(`${seconds()} s  run ${run.run} has started: ${pc.cyan(run.uiUrl ?? '')}`)
  const view = new ProgressView(output)
  let firstRows = null
  const started = Date.now()
  for await (const event of run.progress(stop.signal)) {
    view.show(event)
    const posted = event.streams.reduce((sum, s) => sum + s.counts.inserted + s.counts.updated + s.counts.unchanged, 0)
    if (posted > 0) firstRows ??= seconds()
  }
  view.done()
  if (stop.signal.aborted) {
    await run.cancel()
    code = 130
  }
  const receipt = await run.result()
  code ||= exitCode(receipt)
  const stats = api.stats()
  say('')
  say(summary(receipt, output, Date.now() - started))
  say(`the API answered ${stats.unauthorized} request(s) with 401 and ${stats.throttled} with 429; it was asked ${stats.duplicates} pages twice`)
  const db = new pg.Client({ connectionString: stack.databaseUrl })
  await db.connect()
  const { rows: [count] } = await db.query('select count(*)::int n, count(distinct id)::int ids from transactions')
  const { rows } = await db.query('select booked_at::text, amount::text, currency, counterparty from transactions order by id limit 3')
  await db.end()
  say(`PostgreSQL holds ${count.n.toLocaleString('en-US')} rows, ${count.ids.toLocaleString('en-US')} different ids; the first were there ${firstRows} s after the start. Some of them:`)
  for (const row of rows) say(`  ${row.booked_at}  ${row.amount.padStart(12)} ${row.currency}  ${row.counterparty}`)
  say('')
  say(`the run      ${pc.cyan(run.uiUrl ?? '')}`)
  say('the rows     npx isthmus sql "select currency, count(*), sum(amount) from transactions group by 1" --project examples/demo')
  say(`             or any client of PostgreSQL at ${withoutPassword(stack.databaseUrl)}; user and password are in examples/demo/.isthmus/dev.json while the demo runs`)
  say('the sync     examples/demo/syncs/transactions.ts')
  if (values.json) output.json({ ...jsonReceipt(receipt, run, Date.now() - started), rows: count.n, firstRowsAfterSeconds: Number(firstRows), databaseUrl: stack.databaseUrl })
  if (values.keep && !stop.signal.aborted) {
    say(pc.dim('\nTemporal UI and database stay up until Ctrl-C.'))
    // A signal alone keeps no process alive.
    const awake = setInterval(() => {}, 1 << 30)
    await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }))
    clearInterval(awake)
  } else if (!stop.signal.aborted) {
    say(pc.dim('\nTemporal UI and database are stopped now; `npm run demo -- --keep` leaves them up. The data stays in examples/demo/.isthmus.'))
  }
} catch (error) {
  say(`${pc.red('error')} ${error?.format?.() ?? error?.message ?? error}`)
  code = 1
} finally {
  await close()
}
process.exitCode = code
