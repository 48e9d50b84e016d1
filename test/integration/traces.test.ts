import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { Worker, type ReplayResult } from '@temporalio/worker'
import { Isthmus } from '../../client/index.ts'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type Simulator } from '../../simulator/index.ts'
import { connectClient, installRuntime, loadBundle } from '../../workers/index.ts'
import { makeProject, type Dev, type Project } from '../support/cli.ts'
import { decoded, openHistory, withCodec } from '../support/histories.ts'
import { otlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts'

const RECORDS = 250
const SECRET = 'canary-of-the-collector-0815'
const sync = (table: string, extra = ''): string => `import { cursor, defineSync, env, fields, oauth2ClientCredentials, postgres, rest, z } from 'isthmus'
export default defineSync({
  from: rest({ baseUrl: env('SIM_URL'), auth: oauth2ClientCredentials({ tokenUrl: '/oauth/token', clientId: env('SIM_ID'), clientSecret: env('SIM_SECRET') }) })
    .stream('transactions', { path: '/cursor/transactions', records: 'result.records', key: 'id', page: cursor({ send: 'after', next: 'meta.next_cursor', size: 100, sizeParam: 'limit' }) }),
  to: postgres.table('${table}'),
  model: z.object({ id: z.string(), status: z.string() }),
  map: fields({ id: 'id', status: 'status' }),${extra}
})
`

describe('traces', () => {
  let project: Project
  let dev: Dev
  let sim: Simulator
  let collector: OtlpReceiver
  const tracing = (endpoint: string): Record<string, string> => ({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_HEADERS: `x-team=${SECRET}`, OTEL_EXPORTER_OTLP_TIMEOUT: '2000', OTEL_BSP_SCHEDULE_DELAY: '200' })
  const run = (id: string, env: Record<string, string>) => project.isthmus(['run', id, '--json'], env)
  const named = (name: string): ReceivedSpan[] => collector.spans.filter((s) => s.name === name)
  const one = (name: string): ReceivedSpan => {
    expect(named(name).map((s) => s.name)).toEqual([name])
    return named(name)[0]!
  }

  beforeAll(async () => {
    collector = await otlpReceiver()
    sim = await startSimulator({ records: { transactions: RECORDS }, auth: 'oauth', throttleOnce: { atRequest: 2, retryAfterSeconds: 1 } })
    const env = { SIM_URL: sim.url, SIM_ID: C.clientId, SIM_SECRET: C.clientSecret }
    project = await makeProject({ 'syncs/bank.ts': sync('bank'), 'syncs/due.ts': sync('due', "\n  every: '7d',"), 'syncs/app.ts': sync('app'), 'syncs/dark.ts': sync('dark'), '.env': Object.entries(env).map(([name, value]) => `${name}=${value}\n`).join('') })
    dev = await project.dev(tracing(collector.endpoint))
  })
  afterAll(async () => {
    await project?.close()
    await sim?.close()
    await collector?.close()
  })

  it('one run is one trace: command, workflows, steps and requests, each inside of the one that asked for it, and nothing secret in it', async () => {
    const result = await run('bank', tracing(collector.endpoint))
    expect(result).toMatchObject({ code: 0, json: { outcome: 'completed', total: { inserted: RECORDS } } })
    await collector.until(() => named('RunWorkflow:sync').length > 0 && named('isthmus run').length > 0 && named('RunActivity:finish').length > 0)

    const command = one('isthmus run')
    const started = one('StartWorkflow:sync')
    const workflow = one('RunWorkflow:sync')
    const stream = one('RunWorkflow:stream')
    expect([command.parentSpanId, started.parentSpanId, workflow.parentSpanId, stream.parentSpanId]).toEqual(['', command.spanId, started.spanId, workflow.spanId])
    expect([command.service, started.service, workflow.service]).toEqual(['isthmus', 'isthmus', 'isthmus-worker'])
    for (const step of ['prepare', 'page', 'map', 'post', 'complete']) {
      expect(named(`RunActivity:${step}`).length, step).toBeGreaterThan(0)
      for (const span of named(`RunActivity:${step}`)) expect(span.parentSpanId, step).toBe(stream.spanId)
    }
    expect(one('RunActivity:finish').parentSpanId).toBe(workflow.spanId)
    const page = named('RunActivity:page')
    const requests = named('GET /cursor/transactions').filter((s) => s.service === 'isthmus-worker')
    // Those of the look before the run, too.
    expect(named('GET /cursor/transactions').some((s) => s.service === 'isthmus')).toBe(true)
    expect(requests.map((s) => s.attributes['http.response.status_code'])).toContain(429)
    for (const request of requests) {
      const step = page.find((s) => s.spanId === request.parentSpanId)
      expect(step, 'the step of a request').toBeDefined()
      expect(request.kind).toBe(3)
      const slack = 5_000_000n
      expect(request.start + slack >= step!.start && request.end <= step!.end + slack).toBe(true)
    }
    const of = collector.spans.filter((s) => s.traceId === command.traceId)
    for (const span of of.filter((s) => s !== command)) expect(of.some((s) => s.spanId === span.parentSpanId), span.name).toBe(true)
    expect(new Set([started, workflow, stream, ...page, ...requests].map((s) => s.traceId))).toEqual(new Set([command.traceId]))

    const about = { 'isthmus.sync': 'bank', 'isthmus.run': result.json.run, 'isthmus.stream': 'transactions' }
    for (const span of [stream, ...page]) expect(span.attributes).toMatchObject(about)
    expect(requests[0]!.attributes).toMatchObject({ 'http.request.method': 'GET', 'server.address': '127.0.0.1', 'server.port': Number(new URL(sim.url).port), 'url.path': '/cursor/transactions', 'url.template': '/cursor/transactions' })
    expect(page.reduce((n, s) => n + Number(s.attributes['isthmus.records']), 0)).toBe(RECORDS)

    const text = collector.raw.join('\n')
    const headers = collector.headers['x-team']
    expect(headers).toBe(SECRET)
    const bodies = text.replaceAll(`"x-team":"${SECRET}"`, '')
    for (const secret of [C.clientSecret, SECRET, 'Bearer ', 'sim_at', 'access_token', 'after=', 'txn_']) expect(bodies, secret).not.toContain(secret)
  })

  it('nothing of OpenTelemetry is loaded unless it is asked for', async () => {
    const look = "await Promise.all(['index.js', 'client/index.js', 'workers/index.js'].map((file) => import(process.argv[1] + file))); const { openTracing, clientInterceptors } = await import(process.argv[1] + 'workers/tracing/index.js'); await openTracing(process.env, {}); await clientInterceptors(); console.log(Object.keys((await import('node:module')).createRequire(process.argv[1])('node:module')._cache).filter((file) => file.includes('@opentelemetry')).join())"
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', look, fileURLToPath(new URL('../../dist/', import.meta.url))], { env: { PATH: process.env['PATH'] } })
    expect(stdout.trim()).toBe('')
  })

  it('a run that its schedule starts is a trace that begins with its workflow', async () => {
    const isthmus = new Isthmus({ projectDir: project.dir })
    await isthmus.schedules.trigger('due').finally(() => isthmus.close())
    await collector.until(() => named('RunWorkflow:scheduled').length > 0)
    const scheduled = one('RunWorkflow:scheduled')
    const of = collector.spans.filter((s) => s.traceId === scheduled.traceId)
    const [workflow] = of.filter((s) => s.name === 'RunWorkflow:sync')
    const [stream] = of.filter((s) => s.name === 'RunWorkflow:stream')
    expect([scheduled.parentSpanId, workflow!.parentSpanId, stream!.parentSpanId]).toEqual(['', scheduled.spanId, workflow!.spanId])
    expect(of.filter((s) => s.name === 'RunActivity:begin').map((s) => s.parentSpanId)).toEqual([scheduled.spanId])
    expect(of.filter((s) => s.name === 'GET /cursor/transactions').length).toBeGreaterThan(1)
    for (const span of of.filter((s) => s !== scheduled)) expect(of.some((s) => s.spanId === span.parentSpanId), span.name).toBe(true)
  })

  it('traced workflows go on at workers that do not trace: their histories replay there, and hold nothing but ids of the trace', async () => {
    await installRuntime()
    const client = await connectClient(dev.temporal)
    try {
      const histories = await Promise.all(['sync/bank', 'sync/bank/transactions', 'schedule/due'].map(async (workflowId) => {
        // The schedule's workflow has the time of its start in its id.
        const found = workflowId.startsWith('schedule') ? String(named('RunWorkflow:scheduled')[0]!.attributes['temporal.workflow_id']) : workflowId
        return { workflowId: found, history: await client.workflow.getHandle(found).fetchHistory() }
      }))
      await withCodec(project, dev.databaseUrl, async (codec) => {
        for (const { history } of histories) {
          const headers = (history.events ?? []).flatMap((e) => [e.workflowExecutionStartedEventAttributes, e.activityTaskScheduledEventAttributes, e.startChildWorkflowExecutionInitiatedEventAttributes]).flatMap((a) => a?.header?.fields?.['_tracer-data'] ?? [])
          expect(headers.length).toBeGreaterThan(1)
          for (const header of headers) expect(decoded(header)).toMatch(/^\{"traceparent":"00-[\da-f]{32}-[\da-f]{16}-01"(,"tracestate":"isthmus=undecided")?\}$/)
          await openHistory(history, codec)
        }
      })
      const results: ReplayResult[] = []
      for await (const result of Worker.runReplayHistories({ workflowBundle: await loadBundle('plain') }, histories)) results.push(result)
      expect(results.map((r) => r.error?.message)).toEqual([undefined, undefined, undefined])
    } finally {
      await client.connection.close()
    }
  })

  it('a run that an app starts over HTTP is part of the trace of the app', async () => {
    const token = 'canary-api-token-0123456789'
    const serve = project.spawn(['serve', '--port', '0', '--json'], { ...tracing(collector.endpoint), ISTHMUS_API_TOKEN: token })
    try {
      const [line] = (await once(serve.stdout!, 'data')) as [Buffer]
      const { url } = JSON.parse(line.toString()) as { url: string }
      const traceId = '0af7651916cd43dd8448eb211c80319c'
      const answer = await fetch(`${url}/v1/syncs/app/runs?x=${token}`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', traceparent: `00-${traceId}-b7ad6b7169203331-01` }, body: '{}' })
      expect(answer.status).toBe(201)
      await collector.until((spans) => spans.some((s) => s.traceId === traceId && s.name === 'RunWorkflow:sync') && spans.some((s) => s.traceId === traceId && s.kind === 2))
      const of = collector.spans.filter((s) => s.traceId === traceId)
      const [call] = of.filter((s) => s.kind === 2)
      const [started] = of.filter((s) => s.name === 'StartWorkflow:sync')
      expect(call).toMatchObject({ name: 'POST /v1/syncs/:sync/runs', parentSpanId: 'b7ad6b7169203331', attributes: { 'http.response.status_code': 201 } })
      expect([started!.parentSpanId, of.find((s) => s.name === 'RunWorkflow:sync')!.parentSpanId]).toEqual([call!.spanId, started!.spanId])
      expect(collector.raw.join('\n')).not.toContain(token)
    } finally {
      serve.kill('SIGINT')
    }
  })

  it('a run that an app starts with the library is part of the trace of the app, which has an OpenTelemetry of its own', async () => {
    const exporter = new InMemorySpanExporter()
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    propagation.setGlobalPropagator(new W3CTraceContextPropagator())
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
    const isthmus = new Isthmus({ projectDir: project.dir })
    try {
      const traceId = await trace.getTracer('app').startActiveSpan('click', async (span) => {
        expect(await isthmus.syncs.run('app')).toMatchObject({ outcome: 'completed' })
        span.end()
        return span.spanContext().traceId
      })
      await collector.until((spans) => spans.some((s) => s.traceId === traceId && s.name === 'RunWorkflow:sync'))
      const mine = exporter.getFinishedSpans()
      const started = mine.find((s) => s.name === 'StartWorkflow:sync')!
      expect(started.parentSpanContext?.spanId).toBe(mine.find((s) => s.name === 'click')!.spanContext().spanId)
      expect(collector.spans.find((s) => s.traceId === traceId && s.name === 'RunWorkflow:sync')!.parentSpanId).toBe(started.spanContext().spanId)
    } finally {
      await isthmus.close()
      for (const api of [trace, propagation, context]) api.disable()
    }
  })

  it('a run completes as ever while the collector is gone, and the worker says so once', async () => {
    await collector.close()
    const result = await run('dark', tracing(collector.endpoint))
    expect(result).toMatchObject({ code: 0, json: { outcome: 'completed', total: { inserted: RECORDS } }, stderr: expect.stringMatching(/Traces cannot be sent: .*Runs are not affected/) })
    expect(await dev.query('select count(*)::int n from dark')).toEqual([{ n: RECORDS }])
    // Several batches have failed meanwhile: one is given up after a second.
    await sleep(2_500)
    const log = await readFile(join(project.dir, '.isthmus/worker.log'), 'utf8')
    expect(log.match(/Traces cannot be sent/g)).toHaveLength(1)
    expect(log).not.toContain(SECRET)
    // A line of the log leads to its trace.
    expect(log).toContain(`"trace_id":"${one('isthmus run').traceId}"`)
  })
})
