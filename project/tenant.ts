import { IsthmusError } from '../model/errors.ts'
import type { Plan, StreamPlan } from '../model/plan.ts'
import { checkTenant, tenantSchema, withTenant } from '../model/tenant.ts'
import { isOfConnection } from '../model/source.ts'
import { hashed } from './compile.ts'
import type { LoadedSync } from './load.ts'

/**
 * A sync for one tenant: its connections are the tenant's (`acme@north`), and so are its id, checkpoints, limits, tokens and tables.
 * Throws InvalidInput for a stream that would read the same account for every tenant.
 */
export function forTenant({ definition, plan }: LoadedSync, tenant: string): LoadedSync {
  checkTenant(tenant)
  const { hash: _, ...body } = plan
  return { definition, plan: hashed({ ...body, id: withTenant(plan.id, tenant), streams: plan.streams.map((s) => streamFor(plan, s, tenant)) }) }
}

function streamFor(plan: Plan, stream: StreamPlan, tenant: string): StreamPlan {
  if (!isOfConnection(stream.source)) {
    throw new IsthmusError('InvalidInput', `the stream "${stream.name}" signs in with the environment, so every tenant would read the same account`, {
      file: plan.file, field: 'from', cure: "let it sign in with its connection: credential('...') and setting('...') in place of env('...'), or a connector",
    })
  }
  const { destination } = stream
  const to = destination.kind === 'postgres'
    ? { ...destination, schema: tenantSchema(destination.schema, tenant) }
    : isOfConnection(destination.source) ? { ...destination, connection: withTenant(destination.connection, tenant) } : destination
  return { ...stream, connection: withTenant(stream.connection, tenant), destination: to }
}
