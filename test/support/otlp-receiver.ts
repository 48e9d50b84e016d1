import { setTimeout as sleep } from 'node:timers/promises'
import { testServer } from '../../protocols/testing/server.ts'

export interface ReceivedSpan {
  traceId: string
  spanId: string
  parentSpanId: string
  name: string
  kind: number
  /** Unix time in ns. */
  start: bigint
  end: bigint
  attributes: Record<string, string | number | boolean>
  status: { code?: number; message?: string }
  /** `service.name` of the process. */
  service: string
}

export interface OtlpReceiver {
  endpoint: string
  spans: ReceivedSpan[]
  /** Everything that was received, as text. */
  raw: string[]
  /** Headers of the last request. */
  headers: Record<string, string | string[] | undefined>
  /** Status of the answers; 200. */
  answer: number
  /** Waits until the spans satisfy `enough`; 20 s. */
  until(enough: (spans: ReceivedSpan[]) => boolean): Promise<void>
  close(): Promise<void>
}

interface Value { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean }
interface Attribute { key: string; value: Value }
interface Export {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: { traceId: string; spanId: string; parentSpanId?: string; name: string; kind: number; startTimeUnixNano: string; endTimeUnixNano: string; attributes: Attribute[]; status: ReceivedSpan['status'] }[] }[] }[]
}

const valueOf = ({ stringValue, intValue, doubleValue, boolValue }: Value): string | number | boolean => stringValue ?? doubleValue ?? boolValue ?? Number(intValue)
const table = (attributes: Attribute[]): Record<string, string | number | boolean> => Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]))

/** A collector: takes OTLP/HTTP, decodes its JSON form and keeps the rest as text. */
export async function otlpReceiver(): Promise<OtlpReceiver> {
  const server = await testServer(({ path, headers, body }, response) => {
    received.headers = headers
    received.raw.push(`${JSON.stringify(headers)}\n${body}`)
    if (path === '/v1/traces' && headers['content-type'] === 'application/json') received.spans.push(...spansOf(JSON.parse(body) as Export))
    response.writeHead(received.answer, { 'content-type': 'application/json' }).end('{}')
  })
  const received: OtlpReceiver = { endpoint: server.url, spans: [], raw: [], headers: {}, answer: 200, until, close: () => server.close() }
  return received

  async function until(enough: (spans: ReceivedSpan[]) => boolean): Promise<void> {
    for (const end = Date.now() + 20_000; !enough(received.spans); ) {
      if (Date.now() > end) throw new Error(`spans that were expected have not come; there are ${received.spans.map((s) => s.name).join(', ')}`)
      await sleep(50)
    }
  }
}

function spansOf({ resourceSpans }: Export): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map((s) => ({
    traceId: s.traceId, spanId: s.spanId, parentSpanId: s.parentSpanId ?? '', name: s.name, kind: s.kind, start: BigInt(s.startTimeUnixNano), end: BigInt(s.endTimeUnixNano),
    attributes: table(s.attributes), status: s.status, service: String(table(resource.attributes)['service.name']),
  }))))
}
