import { readFileSync } from 'node:fs'
import { createServer, request as ask } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { collectDefaultMetrics } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttp } from '../../protocols/http/index.ts'
import { httpSignal } from '../../model/signals.ts'
import { createSeries, metricsEndpoint, openMetrics, type Metrics } from './index.ts'
import { Bounded } from './series.ts'

let metrics: Metrics | null = null
afterEach(async () => {
  await metrics?.close()
  metrics = null
})

const open = async (token: string | null = null): Promise<string> => {
  metrics = await openMetrics({ host: '127.0.0.1', port: 0, token }, { store: undefined, core: null })
  return `http://127.0.0.1:${metrics.port}/metrics`
}
const statusFor = (url: string, host: string): Promise<number> =>
  new Promise((resolve, reject) => ask(url, { headers: { host } }, (r) => { r.resume(); resolve(r.statusCode!) }).on('error', reject).end())

describe('metrics', () => {
  it('every name in the dashboard and the rules is one that is there', async () => {
    const { registry } = createSeries()
    collectDefaultMetrics({ register: registry })
    const known = new Set((await registry.getMetricsAsJSON()).map((m) => m.name))
    for (const file of ['isthmus.json', 'alert-rules.yml']) {
      const text = readFileSync(new URL(`../../docs/grafana/${file}`, import.meta.url), 'utf8')
      const named = new Set(text.match(/\b(isthmus|process|nodejs)_\w+/g))
      expect(named.size).toBeGreaterThan(6)
      expect([...named].filter((name) => !known.has(name) && !known.has(name.replace(/_(bucket|count|sum)$/, '')))).toEqual([])
    }
  })

  it('counts real requests by connection and status, without addresses, and costs nothing when nobody listens', async () => {
    const server = createServer((request, response) => response.writeHead(request.url!.startsWith('/no') ? 429 : 200).end('{}')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const http = createHttp({ origins: [origin], timeoutMs: 2_000, maxBytes: 1_000, concurrency: 2, userAgent: 'test', name: 'shop' })
    expect(httpSignal.heard).toBe(false)
    const url = await open()
    expect(httpSignal.heard).toBe(true)
    await http.request({ url: `${origin}/a?api_key=canary-secret-1` })
    await http.request({ url: `${origin}/no` })
    await new Promise((done) => server.close(done))
    await expect(http.request({ url: `${origin}/gone` })).rejects.toThrow()
    const text = await (await fetch(url)).text()
    for (const [status, n] of [['2xx', 1], ['429', 1], ['none', 1]]) expect(text).toContain(`isthmus_http_requests_total{connection="shop",status="${status}"} ${n}`)
    expect(text).toContain('isthmus_http_request_duration_seconds_count{connection="shop"} 3')
    expect(text).not.toMatch(/canary-secret|127\.0\.0\.1/)
    await http.close()
  })

  it('are for this machine, or for those with the token', async () => {
    const url = await open()
    expect((await fetch(url)).status).toBe(200)
    // A page in a browser whose name was led here.
    expect(await statusFor(url, 'evil.example:80')).toBe(403)
    await metrics!.close()
    const closed = await open('a-long-token')
    expect((await fetch(closed)).status).toBe(401)
    expect((await fetch(closed, { headers: { authorization: 'Bearer wrong' } })).status).toBe(401)
    expect((await fetch(closed, { headers: { authorization: 'Bearer a-long-token' } })).status).toBe(200)
    expect(metricsEndpoint({})).toBeNull()
    expect(metricsEndpoint({ ISTHMUS_METRICS_PORT: '9464' })).toEqual({ host: '127.0.0.1', port: 9464, token: null })
    for (const port of ['x', '99999', '0.0.0.0:9464', '[::]:9464']) expect(() => metricsEndpoint({ ISTHMUS_METRICS_PORT: port })).toThrow()
    expect(metricsEndpoint({ ISTHMUS_METRICS_PORT: '[::]:9464', ISTHMUS_METRICS_TOKEN: 't' })).toEqual({ host: '::', port: 9464, token: 't' })
  })

  it('have a bounded number of labels', () => {
    const bounded = new Bounded()
    const labels = new Set(Array.from({ length: 5_000 }, (_, i) => bounded.label(`customer-${i}`)))
    expect(labels.size).toBe(1_001)
    expect(bounded.label('customer-1')).toBe('customer-1')
  })
})
