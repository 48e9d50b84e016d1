import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WorkflowInfo } from '@temporalio/workflow'
import { redactor } from '../../model/redact/index.ts'
import { otlpReceiver, type OtlpReceiver } from '../../test/support/otlp-receiver.ts'
import type { EndedWorkflow } from '../../workflows/trace.ts'
import { clientInterceptors, isTraced, openTracing, type Tracing } from './index.ts'
import { traceSecrets, traceSettings, wantsTraces } from './settings.ts'

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }
const lines: string[] = []
const write = (first: unknown, second?: string): void => void lines.push(`${JSON.stringify(first)} ${second ?? ''}`)
const log = { info: write, warn: write }

describe('the environment', () => {
  it.each([
    [{}, false], [ENDPOINT, true], [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/v1/traces' }, true], [{ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, false],
    [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, false], [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'console, otlp' }, true], [{ ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, false],
  ])('%j wants traces: %s', (env, wanted) => expect(wantsTraces(env)).toBe(wanted))

  it('names protocol, service and time, or what is wrong', () => {
    expect(traceSettings(ENDPOINT)).toEqual({ settings: { protocol: 'http/protobuf', unnamed: true, timed: false } })
    expect(traceSettings({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_RESOURCE_ATTRIBUTES: 'a=b,service.name=x', OTEL_EXPORTER_OTLP_TIMEOUT: '500' })).toEqual({ settings: { protocol: 'http/json', unnamed: false, timed: true } })
    expect(traceSettings({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toMatchObject({ problem: expect.stringContaining('http/protobuf') })
    expect(traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' })).toMatchObject({ problem: expect.stringContaining('http://127.0.0.1:4318') })
  })

  it('holds secrets, plain and encoded', () => {
    expect(traceSecrets({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20dXNlcjpw,x-key=abc' })).toEqual(['Basic%20dXNlcjpw', 'Basic dXNlcjpw', 'dXNlcjpw', 'abc'])
  })
})

describe('what leaves', () => {
  let collector: OtlpReceiver
  const opened: Tracing[] = []
  const before = { ...process.env }

  async function open(env: Record<string, string> = {}): Promise<Tracing> {
    Object.assign(process.env, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_TRACES_SAMPLER: '', ...env })
    const tracing = (await openTracing(process.env, { service: 'isthmus-worker', log }))!
    opened.push(tracing)
    return tracing
  }
  const ended = (tracing: Tracing, workflow: Partial<EndedWorkflow>): void =>
    void tracing.sinks.isthmusTrace.ended.fn({} as WorkflowInfo, { traceId: '', spanId: '', parent: null, workflowType: 'stream', workflowId: 'w', runId: 'r', startMs: Date.now() - 1_000, outcome: 'completed', error: null, told: {}, ...workflow })

  beforeAll(async () => {
    expect([isTraced(), await clientInterceptors()]).toEqual([false, []])
    collector = await otlpReceiver()
  })
  afterAll(async () => {
    for (const tracing of opened) await tracing.close()
    await collector.close()
    process.env = before
  })

  it('nothing, and nothing is set up, unless it is asked for', async () => {
    expect(await openTracing({}, { service: 'x', log })).toBeNull()
    expect(await openTracing({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, { service: 'x', log })).toBeNull()
    expect(lines.splice(0)).toEqual([expect.stringContaining('grpc')])
    expect(isTraced()).toBe(false)
  })

  it('spans without secrets, wherever they stand', async () => {
    const canary = 'canary-0123456789-abcdef'
    redactor.add(canary)
    const tracing = await open({ OTEL_EXPORTER_OTLP_HEADERS: 'x-key=canary-header-98765' })
    expect(isTraced()).toBe(true)
    const span = tracing.tracer.startSpan(`name ${canary}`, { attributes: { 'a.text': canary, 'a.list': ['x', canary], 'a.url': `/x?password=hunter2hunter2`, n: 5 }, links: [{ context: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }, attributes: { l: canary } }] })
    span.recordException(new Error(`no ${canary}`))
    span.setStatus({ code: 2, message: `failed with ${Buffer.from(canary).toString('base64')}, header canary-header-98765` })
    span.end()
    ended(tracing, { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), outcome: 'failed', error: { type: 'AuthFailed', message: `refused ${canary}` }, told: { sync: 'orders@north', run: 'r1' } })
    await collector.until((spans) => spans.length >= 2)
    const bodies = collector.raw.join('\n').replace(/"x-key":"[^"]*"/g, '')
    for (const secret of [canary, Buffer.from(canary).toString('base64'), 'hunter2', 'canary-header']) expect(bodies, secret).not.toContain(secret)
    expect(collector.spans.map((s) => [s.name, s.service])).toEqual([['name ***', 'isthmus-worker'], ['RunWorkflow:stream', 'isthmus-worker']])
    expect(collector.spans[1]).toMatchObject({ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), parentSpanId: '', attributes: { 'isthmus.sync': 'orders@north', 'isthmus.tenant': 'north', 'isthmus.run': 'r1', 'isthmus.outcome': 'failed', 'error.type': 'AuthFailed' }, status: { code: 2, message: 'refused ***' } })
  })

  it('protobuf, if nothing else is said', async () => {
    const tracing = await open({ OTEL_EXPORTER_OTLP_PROTOCOL: '' })
    tracing.tracer.startSpan('in protobuf').end()
    await tracing.close()
    expect(collector.headers['content-type']).toBe('application/x-protobuf')
    expect(collector.raw.at(-1)).toContain('in protobuf')
  })

  it('of traces that begin in workflows, those that the sampler takes, whole or not at all', async () => {
    const tracing = await open({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' })
    collector.spans.length = 0
    const ids = Array.from({ length: 100 }, (_, i) => `${(i * 2_654_435_761 % 2 ** 32).toString(16).padStart(8, '0')}${'0'.repeat(8)}${Math.imul(i + 1, 40_503_217).toString(16).replace('-', '').padStart(16, '9')}`)
    for (const [i, traceId] of ids.entries()) {
      ended(tracing, { traceId, spanId: `${i}`.padStart(16, '1'), workflowType: 'sync' })
      ended(tracing, { traceId, spanId: `${i}`.padStart(16, '2'), workflowType: 'stream', parent: { spanId: `${i}`.padStart(16, '1'), state: 'isthmus=undecided', sampled: true } })
      ended(tracing, { traceId, spanId: `${i}`.padStart(16, '3'), workflowType: 'dropped', parent: { spanId: `${i}`.padStart(16, '1'), state: '', sampled: false } })
    }
    await tracing.close()
    const of = (name: string): string[] => collector.spans.filter((s) => s.name === name).map((s) => s.traceId).sort()
    expect(of('RunWorkflow:sync')).toEqual(of('RunWorkflow:stream'))
    expect(of('RunWorkflow:sync').length).toBeGreaterThan(10)
    expect(of('RunWorkflow:sync').length).toBeLessThan(90)
    expect(of('RunWorkflow:dropped')).toEqual([])
  })

  it('or a word that nothing does: one, and one more when it does again', async () => {
    const tracing = await open()
    lines.length = 0
    collector.spans.length = 0
    collector.answer = 401
    for (let i = 0; i < 3; i++) {
      const seen = collector.raw.length
      tracing.tracer.startSpan(`lost ${i}`).end()
      await expect.poll(() => collector.raw.length, { timeout: 5_000 }).toBeGreaterThan(seen)
    }
    await expect.poll(() => lines.length).toBe(1)
    collector.answer = 200
    tracing.tracer.startSpan('kept').end()
    await collector.until((spans) => spans.some((s) => s.name === 'kept'))
    await expect.poll(() => lines).toEqual([expect.stringMatching(/Traces cannot be sent: .*Cure: /), expect.stringMatching(/"lost":3.* sent again/)])
  })
})
