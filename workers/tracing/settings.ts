type Env = Record<string, string | undefined>

/** How traces leave; null when nobody wants any, or they cannot be had. */
export interface TraceSettings {
  protocol: 'http/protobuf' | 'http/json'
  /** The environment names no service. */
  unnamed: boolean
  /** The environment says how long one batch may take, with its repeats. */
  timed: boolean
}

const PROTOCOLS: readonly string[] = ['http/protobuf', 'http/json']

/**
 * Whether the environment asks for traces, by the variables of OpenTelemetry: `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` does,
 * `OTEL_TRACES_EXPORTER=none` and `OTEL_SDK_DISABLED=true` do not.
 */
export function wantsTraces(env: Env): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return false
  const exporters = (env['OTEL_TRACES_EXPORTER'] ?? '').split(',').map((name) => name.trim()).filter(Boolean)
  if (exporters.length > 0 && !exporters.includes('otlp')) return false
  return Boolean(env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']?.trim() || env['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim())
}

/** The rest of the environment. A problem is told, not thrown: work does not wait for its traces. */
export function traceSettings(env: Env): { settings: TraceSettings } | { problem: string } {
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL']?.trim() || env['OTEL_EXPORTER_OTLP_PROTOCOL']?.trim() || 'http/protobuf'
  if (!PROTOCOLS.includes(protocol)) return { problem: `the protocol ${protocol.slice(0, 40)} is not known; set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf (port 4318 of a collector)` }
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']?.trim() || env['OTEL_EXPORTER_OTLP_ENDPOINT']!.trim()
  if (!/^https?:\/\//i.test(endpoint) || !URL.canParse(endpoint)) return { problem: 'the endpoint is no address; set OTEL_EXPORTER_OTLP_ENDPOINT to one such as http://127.0.0.1:4318' }
  const unnamed = !env['OTEL_SERVICE_NAME']?.trim() && !/(^|,)\s*service\.name\s*=/.test(env['OTEL_RESOURCE_ATTRIBUTES'] ?? '')
  const timed = Boolean(env['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT']?.trim() || env['OTEL_EXPORTER_OTLP_TIMEOUT']?.trim())
  return { settings: { protocol: protocol as TraceSettings['protocol'], unnamed, timed } }
}

/** What the environment holds that must never be shown: headers that prove who sends, and what stands in the endpoint. */
export function traceSecrets(env: Env): string[] {
  const found: string[] = []
  for (const name of ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS']) {
    for (const pair of (env[name] ?? '').split(',')) {
      const value = pair.slice(pair.indexOf('=') + 1).trim()
      const plain = decoded(value)
      // `authorization=Bearer abc`: the word before it is no secret.
      found.push(value, plain, plain.split(/\s+/).at(-1)!)
    }
  }
  return [...new Set(found.filter(Boolean))]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
