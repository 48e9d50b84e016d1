#!/usr/bin/env node
// `npm run example:after-sync`: starts what the job needs, and the job, twice: the second time changes nothing.
import { say, stand } from '../stand.js'
import { nightly } from './job.js'

await stand(import.meta.url, { transactions: 5_000 }, async ({ isthmus, databaseUrl }) => {
  const day = new Date().toISOString()
  for (const time of ['first', 'second']) {
    const rows = await nightly({ isthmus, databaseUrl, day })
    say(`\nthe ${time} time:`)
    for (const { currency, transactions, amount } of rows) say(`  ${currency}  ${transactions.padStart(8)}  ${amount.padStart(16)}`)
    console.log(JSON.stringify(rows))
  }
})
