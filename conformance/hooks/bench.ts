import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { receiveEvents } from '../../protocols/webhook/index.ts'
import { openSuiteStore } from '../database.ts'
import type { HookBench, HookSubject } from './types.ts'

/** Opens the inbox for a webhook of this case alone. */
export async function openHook(subject: HookSubject, databaseUrl: string): Promise<HookBench & { close(): Promise<void> }> {
  const store = await openSuiteStore(databaseUrl)
  const webhook = { ...subject.webhook, name: `${subject.name}-${randomBytes(6).toString('hex')}` }
  // Base64, since one of them takes it so.
  const secret = `whsec_${randomBytes(24).toString('base64')}`
  return {
    subject, store, secret,
    event: (id, more = {}) => ({ id, amount: '12.50', secret, atMs: Date.now(), ...more }),
    receive: async (delivery) => (await receiveEvents(store, webhook, delivery, secret)).fresh,
    async stored() {
      const client = new pg.Client({ connectionString: databaseUrl })
      await client.connect()
      try {
        return (await client.query<{ id: string; body: string }>('select event as id, body::text as body from isthmus.inbox where webhook = $1 order by seq', [webhook.name])).rows
      } finally {
        await client.end()
      }
    },
    close: () => store.close(),
  }
}
