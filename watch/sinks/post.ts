import { createHmac } from 'node:crypto'
import { IsthmusError } from '../../model/errors.ts'
import { redactor } from '../../model/redact/index.ts'
import type { Alert } from '../../model/watch/index.ts'
import type { AlertSink } from '../../project/index.ts'
import { createHttp } from '../../protocols/http/index.ts'
import type { EnvRef } from '../../model/value.ts'
import { details, headline, payload } from './message.ts'

const TIMEOUT_MS = 10_000
const MAX_ANSWER = 64 * 1024

type Resolve = (ref: EnvRef) => string

/** Sends an alert to a Slack-compatible webhook. */
export function sendSlack(sink: Extract<AlertSink, { kind: 'slack' }>, alert: Alert, resolve: Resolve, signal: AbortSignal): Promise<void> {
  const icon = alert.event === 'resolved' ? ':white_check_mark:' : alert.event === 'test' ? ':information_source:' : { error: ':rotating_light:', warning: ':warning:', info: ':information_source:' }[alert.problem.severity]
  const text = [`${icon} *${escaped(headline(alert))}*`, ...details(alert).map(escaped)].join('\n')
  return post(resolve(sink.url), JSON.stringify({ text }), {}, sink, signal)
}

/** Sends an alert as JSON, signed as Standard Webhooks where there is a secret; the id is the same for every try. */
export function sendHttp(sink: Extract<AlertSink, { kind: 'http' }>, alert: Alert, resolve: Resolve, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify(payload(alert))
  const id = `alert_${alert.id}`
  const time = String(Math.floor(Date.now() / 1000))
  const own = Object.fromEntries(Object.entries(sink.headers).map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? value : resolve(value)]))
  const signed: Record<string, string> = sink.secret === null ? {} : { 'webhook-signature': `v1,${signature(resolve(sink.secret), `${id}.${time}.${body}`)}` }
  return post(resolve(sink.url), body, { ...own, 'webhook-id': id, 'webhook-timestamp': time, ...signed }, sink, signal)
}

/** HMAC-SHA256 in base64. A key that begins with `whsec_` is base64 behind it, any other one is text. */
export function signature(secret: string, content: string): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret)
  return createHmac('sha256', key).update(content).digest('base64')
}

/** `&`, `<` and `>` steer Slack's text. */
const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')

async function post(address: string, body: string, headers: Record<string, string>, { privateNetwork }: AlertSink, signal: AbortSignal): Promise<void> {
  redactor.add(address)
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url || !/^https?:$/.test(url.protocol)) throw new IsthmusError('InvalidInput', 'the address of the alert is none', { cure: 'write it as https://...' })
  // The address of a webhook is its secret.
  if (url.pathname.length > 8) redactor.add(url.pathname)
  const http = createHttp({ origins: [url.origin], timeoutMs: TIMEOUT_MS, totalMs: TIMEOUT_MS * 2, maxBytes: MAX_ANSWER, concurrency: 1, userAgent: 'isthmus', name: 'alerts', addresses: { literal: new Set(), privateNetwork } })
  try {
    const { status } = await http.request({ method: 'POST', url, body, headers: { ...headers, 'content-type': 'application/json' }, signal, redirects: 0 })
    if (status < 200 || status > 299) throw new IsthmusError(status === 429 ? 'RateLimited' : 'Contract', `${url.host} answered with HTTP ${status}`, { status })
  } catch (error) {
    if (error instanceof IsthmusError && error.type === 'BlockedAddress' && error.cure?.includes('privateNetwork')) throw new IsthmusError('BlockedAddress', error.message, { cure: 'set `privateNetwork: true` on the alert if it really runs in your own network' })
    throw error
  } finally {
    await http.close()
  }
}
