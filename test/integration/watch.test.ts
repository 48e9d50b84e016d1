import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSimulator, type Simulator } from '../../simulator/index.ts'
import { freePort } from '../../workers/ports.ts'
import { makeProject, type CliResult, type Dev, type Project } from '../support/cli.ts'

const KEY = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const CONFIG = `import { defineProject, email, env, http, slack } from 'isthmus'
export default defineProject({ alerts: [
  slack({ url: env('SLACK_URL'), privateNetwork: true }),
  http({ url: env('HOOK_URL'), secret: env('HOOK_SECRET'), headers: { 'X-Team': 'data' }, severity: 'error', privateNetwork: true }),
  email({ smtp: env('SMTP_URL'), from: 'isthmus@example.com', to: ['ops@example.com'], severity: 'error', privateNetwork: true }),
] })
`
const SYNC = `import { cursor, defineSync, env, fields, postgres, rest, t, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL'), connection: 'bank' }).stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 100, sizeParam: 'limit' }) }),
  to: postgres.table('watched'), freshness: '1d',
  model: z.object({ id: z.string(), amount: t.decimal() }), map: fields({ id: 'id', amount: 'amount' }),
})
`

interface Got {
  path: string
  headers: IncomingMessage['headers']
  body: string
}

/** A receiver of webhooks that fails as often as it is told. */
async function startReceiver(): Promise<{ url: string; got: Got[]; fail: { n: number }; server: Server }> {
  const got: Got[] = []
  const fail = { n: 0 }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (d: Buffer) => (body += d.toString()))
    request.on('end', () => {
      if (request.url === '/hook' && fail.n > 0 && (fail.n -= 1) >= 0) return response.writeHead(503).end()
      got.push({ path: request.url!, headers: request.headers, body })
      response.writeHead(200).end('ok')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got, fail, server }
}

/** One event for each problem, from a run that stops to three real receivers. */
describe('health and alerts', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator
  let hooks: Awaited<ReturnType<typeof startReceiver>>
  let smtp: SMTPServer
  const mails: string[] = []
  let metricsPort: number

  beforeAll(async () => {
    hooks = await startReceiver()
    smtp = new SMTPServer({
      disabledCommands: ['STARTTLS'], allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) => (username === 'isthmus' && password === 's3cret-mail-pass' ? done(null, { user: username }) : done(new Error('no'))),
      onData(stream, _session, done) {
        let text = ''
        stream.on('data', (d: Buffer) => (text += d.toString()))
        stream.on('end', () => {
          mails.push(text)
          done()
        })
      },
    })
    const listening = smtp.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    sim = await startSimulator({ records: { transactions: 600 }, faultAt: { 4: 'status:404' } })
    const env = {
      SLACK_URL: `${hooks.url}/services/T0/B0/slack-path-secret`, HOOK_URL: `${hooks.url}/hook`, HOOK_SECRET: KEY, SIM_URL: sim.url,
      SMTP_URL: `smtp://isthmus:s3cret-mail-pass@127.0.0.1:${(listening.address() as AddressInfo).port}`,
    }
    project = await makeProject({ 'syncs/bank.ts': SYNC, 'isthmus.config.ts': CONFIG, '.env': Object.entries(env).map(([k, v]) => `${k}=${v}\n`).join('') })
    metricsPort = await freePort()
    dev = await project.dev({ ISTHMUS_HEALTH_EVERY: '500ms', ISTHMUS_METRICS_PORT: String(metricsPort), ISTHMUS_LOG_LEVEL: 'debug' })
  })
  afterAll(async () => {
    await project?.close()
    await sim?.close()
    hooks?.server.close()
    await new Promise<void>((done) => (smtp ? smtp.close(done) : done()))
  })

  const isthmus = (...args: string[]): Promise<CliResult> => project.isthmus([...args, '--json'])
  const to = (path: string): Got[] => hooks.got.filter((g) => g.path === path)
  const events = (): string[] => to('/hook').map((g) => { const { event, problem } = JSON.parse(g.body) as { event: string; problem: { kind: string } }; return `${event} ${problem.kind}` })
  async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < 600; i++) {
      if (await done()) return
      await sleep(50)
    }
    throw new Error(`not within 30 s: ${what}`)
  }
  /** Looks that were taken since, so that a problem told twice would have been. */
  async function looks(n: number): Promise<void> {
    const at = async (): Promise<number> => (await dev.query<{ at: Date }>('select next_at as at from isthmus.watch_turn'))[0]!.at.getTime()
    for (let i = 0; i < n; i++) {
      const before = await at()
      await until('a look', async () => (await at()) > before)
    }
  }

  it('sends a test to every place, and tells what became of it', async () => {
    hooks.fail.n = 1
    const failed = await isthmus('alerts', 'test')
    expect(failed).toMatchObject({ code: 1, json: { alerts: expect.arrayContaining([expect.objectContaining({ state: 'sent', sink: 'email:SMTP_URL' }), expect.objectContaining({ state: 'pending', error: expect.stringContaining('HTTP 503') })]) } })
    // A worker tries again: none is lost.
    await until('the test that failed', () => to('/hook').length === 1 && mails.length === 1)
    expect(to('/hook')[0]!.headers['webhook-id']).toBe(`alert_${failed.json.alerts.find((a: { sink: string }) => a.sink === 'http:HOOK_URL').id}`)
    expect(JSON.stringify(failed)).not.toContain('slack-path-secret')
    hooks.got.length = mails.length = 0
  })

  it('tells of a sync that was never run, of a run that stops once, and of its end once', async () => {
    const before = await isthmus('health')
    expect(before).toMatchObject({ code: 1, json: { healthy: false, workers: 1, checks: { temporal: true, database: true, worker: true, streams: false }, problems: [{ kind: 'stale', severity: 'warning', sync: 'bank' }] } })

    expect(await isthmus('run', 'bank')).toMatchObject({ code: 4 })
    await until('the alerts', () => to('/hook').length > 0 && mails.length > 0)
    await looks(3)
    expect(events()).toEqual(['opened stopped'])
    expect(mails).toHaveLength(1)
    expect(mails[0]).toMatch(/^Problem: bank\/transactions: is parked: Contract/m)
    const [hook] = to('/hook')
    const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signed, 'x-team': team } = hook!.headers
    expect(team).toBe('data')
    expect(signed).toBe(`v1,${createHmac('sha256', Buffer.from(KEY.slice(6), 'base64')).update(`${String(id)}.${String(time)}.${hook!.body}`).digest('base64')}`)
    expect(JSON.parse(hook!.body)).toMatchObject({ version: 1, problem: { kind: 'stopped', sync: 'bank', stream: 'transactions', connection: 'bank', cure: expect.stringContaining('isthmus retry bank') } })

    expect(await isthmus('run', 'bank')).toMatchObject({ code: 0 })
    await until('the end of the problem', () => events().length === 2 && mails.length === 2)
    await looks(2)
    expect(events()).toEqual(['opened stopped', 'resolved stopped'])
    // This one also wants warnings: never run, then run.
    expect(to('/services/T0/B0/slack-path-secret').map((g) => (JSON.parse(g.body) as { text: string }).text.split('*')[1])).toEqual(expect.arrayContaining([expect.stringMatching(/^Resolved: bank\/transactions: has never been run/), expect.stringMatching(/^Resolved: bank\/transactions: is parked/)]))
    const healthy = await isthmus('health')
    expect(healthy).toMatchObject({ code: 0, json: { healthy: true, problems: [], streams: [{ sync: 'bank', stream: 'transactions', state: 'completed', targetMs: 86_400_000, ageMs: expect.any(Number) }] } })

    // A success that is too old, by the target in the file as it is now.
    await dev.query("update isthmus.stream_watch set last_success_at = now() - interval '2 days'")
    await until('the alert of the late stream', () => events().includes('opened stale'))
    const list = await isthmus('alerts', 'list', '--open')
    expect(list.json.problems).toMatchObject([{ kind: 'stale' }])
    expect(list.json.alerts.every((a: { state: string }) => a.state === 'sent')).toBe(true)
    // No secret of a receiver anywhere.
    expect(JSON.stringify([list, await dev.query('select * from isthmus.alerts'), await dev.query('select * from isthmus.problems')])).not.toMatch(/slack-path-secret|s3cret-mail-pass|MfKQ9r8G/)
  })

  it('is measured: metrics of the process and of the store, and log lines that name their step', async () => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    expect(text).toMatch(/isthmus_records_total\{sync="bank",stream="transactions",effect="inserted"\} 600/)
    expect(text).toMatch(/isthmus_http_requests_total\{connection="bank",status="4xx"\} 1/)
    expect(text).toMatch(/isthmus_stream_lag_seconds\{sync="bank",stream="transactions"\} 17\d{4}/)
    expect(text).toMatch(/isthmus_stream_freshness_target_seconds\{sync="bank",stream="transactions"\} 86400/)
    expect(text).toMatch(/isthmus_runs_total\{sync="bank",outcome="completed"\} 1/)
    expect(text).toMatch(/isthmus_problems_open\{kind="stale",severity="error"\} 1/)
    // Every series the dashboard and the rules name is served, those of the Temporal SDK too.
    for (const file of ['isthmus.json', 'alert-rules.yml']) {
      for (const name of new Set(readFileSync(new URL(`../../docs/grafana/${file}`, import.meta.url), 'utf8').match(/\b(isthmus|process|nodejs|temporal)_\w+/g))) expect(text, name).toContain(name)
    }
    const lines = readFileSync(join(project.dir, '.isthmus/worker.log'), 'utf8').split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l) as Record<string, unknown>)
    expect(lines).toContainEqual(expect.objectContaining({ step: 'page', sync: 'bank', stream: 'transactions', run: expect.any(String), chunk: 1, attempt: 1, workflowId: 'sync/bank/transactions', ms: expect.any(Number) }))
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, step: 'park', run: expect.any(String), msg: expect.stringMatching(/^parked: Contract/) }))
    expect(lines).toContainEqual(expect.objectContaining({ step: 'finish', outcome: 'completed', records: 600 }))
    expect(JSON.stringify(lines)).not.toMatch(/slack-path-secret|s3cret-mail-pass|MfKQ9r8G/)
  })

  it('tells that nobody works, and that nothing answers', async () => {
    await dev.stop()
    const gone = await project.isthmus(['health', '--json'], { TEMPORAL_ADDRESS: '127.0.0.1:1', DATABASE_URL: 'postgresql://u:p@127.0.0.1:1/x' })
    expect(gone).toMatchObject({ code: 1, json: { healthy: false, checks: { database: false }, problems: [{ kind: 'database', severity: 'error' }] } })
  })
})
