import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startSimulator, type Simulator } from '../../simulator/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'

const SOON = { timeout: 90_000, interval: 200 }
const SECRET = 'hook-secret-0123456789'
const HOOK = `import { env, signedBy, webhook } from 'isthmus'
export const billing = webhook({ name: 'billing', ...signedBy.stripe(env('HOOK_SECRET')) })
`
const EVENTS = `import { defineSync, fields, postgres, t, z } from 'isthmus'
import { billing } from '../hooks.ts'
export default defineSync({
  from: billing.events('events', { types: ['payment.*'], key: 'body.payment' }),
  to: postgres.table('payments'),
  model: z.object({ payment: z.string(), amount: t.decimal(), version: z.int() }),
  map: fields({ payment: 'body.payment', amount: 'body.amount', version: 'body.version' }),
})
`
const TRIGGERED = `import { cursor, defineSync, env, fields, postgres, rest, t, z } from 'isthmus'
import { billing } from '../hooks.ts'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL') }).stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 100, sizeParam: 'limit' }) }),
  to: postgres.table('transactions'),
  model: z.object({ id: z.string(), amount: t.decimal() }),
  map: fields({ id: 'id', amount: 'amount' }),
  on: billing.on('invoice.*'),
})
`

describe('webhooks', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator
  let url: string
  let serving: { url: string; stop(signal?: NodeJS.Signals): Promise<void> }

  async function serve(): Promise<typeof serving> {
    const child = project.spawn(['serve', '--json', '--port', '0'], { HOOK_SECRET: SECRET, SIM_URL: sim.url })
    let out = ''
    child.stdout!.on('data', (d: Buffer) => (out += d.toString()))
    await vi.waitFor(() => expect(out).toContain('\n'), SOON)
    return {
      url: (JSON.parse(out) as { url: string }).url,
      async stop(signal = 'SIGINT') {
        const ended = once(child, 'exit')
        child.kill(signal)
        await ended
      },
    }
  }
  async function send(event: object, { at = Date.now(), secret = SECRET, to = url }: { at?: number; secret?: string; to?: string } = {}): Promise<number> {
    const body = JSON.stringify(event)
    const time = String(Math.floor(at / 1000))
    const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')
    const response = await fetch(`${to}/hooks/billing`, { method: 'POST', headers: { 'content-type': 'application/json', 'stripe-signature': `t=${time},v1=${signature}` }, body })
    await response.arrayBuffer()
    return response.status
  }
  const payment = (n: number, version = 1): { id: string; type: string; payment: string; amount: number; version: number } => ({ id: `evt_${n}_${version}`, type: 'payment.made', payment: `p${n}`, amount: n + 0.25, version })
  const rows = async (table: string): Promise<number> => (await dev.query<{ n: number }>(`select count(*)::int as n from ${table}`).catch(() => [{ n: 0 }]))[0]!.n
  const runs = async (sync: string): Promise<{ outcome: string }[]> => dev.query('select outcome from isthmus.runs where sync = $1', [sync])

  beforeAll(async () => {
    sim = await startSimulator({ records: { transactions: 300 } })
    project = await makeProject({ 'hooks.ts': HOOK, 'syncs/payments.ts': EVENTS, 'syncs/invoices.ts': TRIGGERED })
    dev = await project.dev()
    serving = await serve()
    url = serving.url
  })
  afterAll(async () => {
    await serving?.stop()
    await project?.close()
    await sim?.close()
  })

  it('are refused unless the sender signed them, now', async () => {
    expect(await send(payment(0), { secret: 'another' })).toBe(401)
    expect(await send(payment(0), { at: Date.now() - 301_000 })).toBe(401)
    expect((await fetch(`${url}/hooks/nothing`, { method: 'POST', body: '{}' })).status).toBe(404)
    expect((await fetch(`${url}/hooks/billing`, { method: 'POST', body: Buffer.alloc(1024 * 1024 + 1) })).status).toBe(413)
    expect(await rows('isthmus.inbox')).toBe(0)
  })

  it('are records once each, however often they come, also when the receiver is killed', async () => {
    const events = Array.from({ length: 60 }, (_, n) => payment(n))
    const shuffled = [...events, ...events.slice(0, 20)].sort((a, b) => (a.id + a.payment).localeCompare(b.payment + b.id))
    for (let from = 0; from < shuffled.length; from += 8) {
      expect(await Promise.all(shuffled.slice(from, from + 8).map((e) => send(e)))).toEqual(Array.from({ length: Math.min(8, shuffled.length - from) }, () => 202))
      if (from === 40) {
        await serving.stop('SIGKILL')
        serving = await serve()
        url = serving.url
      }
    }
    await expect.poll(() => rows('payments'), SOON).toBe(60)
    expect(await send(payment(7, 2))).toBe(202)
    await expect.poll(async () => (await dev.query<{ version: string }>("select version::text from payments where payment = 'p7'"))[0]!.version, SOON).toBe('2')
    expect(await rows('payments')).toBe(60)
    // Events that come close together are one run.
    expect((await runs('payments')).length).toBeLessThan(30)
    expect(await rows('transactions')).toBe(0)
  })

  it('make the syncs run that want their kind', async () => {
    expect(await send({ id: randomUUID(), type: 'invoice.paid' })).toBe(202)
    await expect.poll(() => rows('transactions'), SOON).toBe(300)
    await expect.poll(() => runs('invoices'), SOON).toEqual([{ outcome: 'completed' }])
    const pending = await dev.query('select 1 from isthmus.inbox i left join isthmus.inbox_told t using (webhook) where i.seq > coalesce(t.seq, 0)')
    expect(pending).toEqual([])
  })
})
