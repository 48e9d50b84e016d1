import type { Client, ClientOptions, ConnectionOptions } from '@temporalio/client'
import { loadClientConnectConfig } from '@temporalio/envconfig'
import type { NativeConnection, NativeConnectionOptions } from '@temporalio/worker'
import { IsthmusError } from '../model/errors.ts'
import { clientInterceptors } from './tracing/index.ts'

/** How to reach a Temporal server, for clients and workers alike. */
export interface TemporalConnectionOptions {
  /** `host:port` */
  address: string
  namespace: string
  tls?: NativeConnectionOptions['tls']
  apiKey?: string
  /** gRPC headers sent with every call. */
  metadata?: Record<string, string>
}

/** Code of gRPC. */
const NOT_FOUND = 5

type Env = Record<string, string | undefined>

function load(env: Env) {
  const overrideEnvVars = Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined))
  try {
    return loadClientConnectConfig({ overrideEnvVars })
  } catch (error) {
    throw new IsthmusError('InvalidInput', `The Temporal connection settings cannot be read: ${(error as Error).message}`, {
      cure: 'correct TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE or the file they name', cause: error,
    })
  }
}

/** True when the environment or a Temporal profile names a server, so that none is to be started here. */
export function temporalIsConfigured(env: Env = process.env): boolean {
  return Boolean(load(env).connectionOptions.address)
}

/**
 * Reads `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS*`, `TEMPORAL_GRPC_META_*` and the Temporal
 * profile (`TEMPORAL_PROFILE`, `TEMPORAL_CONFIG_FILE`). Defaults: `127.0.0.1:7233`, namespace `default`, TLS when there is an API key.
 * @throws IsthmusError InvalidInput when a named profile or file cannot be read.
 */
export function temporalConnectionOptions(env: Env = process.env): TemporalConnectionOptions {
  const { connectionOptions: from, namespace } = load(env)
  const options: TemporalConnectionOptions = { address: from.address || '127.0.0.1:7233', namespace: namespace || 'default' }
  if (from.tls) options.tls = from.tls
  if (typeof from.apiKey === 'string') options.apiKey = from.apiKey
  if (from.metadata) options.metadata = from.metadata as Record<string, string>
  return options
}

function unreachable(options: TemporalConnectionOptions, error: unknown): IsthmusError {
  const text = error instanceof Error ? [error.message, (error.cause as Error | undefined)?.message].filter(Boolean).join(': ') : String(error)
  if (/PERMISSION_DENIED|UNAUTHENTICATED|PermissionDenied|Unauthenticated/.test(text)) {
    return new IsthmusError('AuthFailed', `Temporal at ${options.address} refused the credentials`, { cure: 'correct TEMPORAL_API_KEY or the client certificate of the Temporal profile', cause: error })
  }
  return new IsthmusError('Unreachable', `Temporal does not answer at ${options.address}`, {
    cure: 'start it with `isthmus dev`, or correct TEMPORAL_ADDRESS (and TLS) if it runs elsewhere', cause: error,
  })
}

/**
 * Connects a client; `close()` on `client.connection` ends it. `timeoutMs` is 5 s by default.
 * @throws IsthmusError Unreachable or AuthFailed, naming the address.
 */
export async function connectClient(
  options: TemporalConnectionOptions = temporalConnectionOptions(),
  more: Omit<ClientOptions, 'connection' | 'namespace'> & { timeoutMs?: number } = {},
): Promise<Client> {
  const { timeoutMs = 5000, ...clientOptions } = more
  const { namespace, ...connection } = options
  // Half a second of work: for those that connect.
  const { Client, Connection } = await import('@temporalio/client')
  try {
    const made = await Connection.connect({ ...(connection as ConnectionOptions), connectTimeout: timeoutMs })
    return new Client({ ...clientOptions, connection: made, namespace, interceptors: { ...clientOptions.interceptors, workflow: await clientInterceptors() } })
  } catch (error) {
    throw unreachable(options, error)
  }
}

/** Throws NotFound when the server says that it has no such namespace; whatever else it says counts for nothing. */
export async function requireNamespace(client: Client): Promise<void> {
  const { namespace } = client.options
  const code = await client.connection.workflowService.describeNamespace({ namespace }).then(() => 0, (error: unknown) => (error as { code?: number }).code)
  if (code === NOT_FOUND) {
    throw new IsthmusError('NotFound', `Temporal has no namespace ${namespace}`, { cure: `correct TEMPORAL_NAMESPACE, or run \`temporal operator namespace create -n ${namespace}\`` })
  }
}

/** Connects a worker. @throws IsthmusError Unreachable or AuthFailed, naming the address. */
export async function connectWorker(options: TemporalConnectionOptions = temporalConnectionOptions()): Promise<NativeConnection> {
  const { namespace: _, ...connection } = options
  const { NativeConnection } = await import('@temporalio/worker')
  try {
    return await NativeConnection.connect(connection)
  } catch (error) {
    throw unreachable(options, error)
  }
}
