import { IsthmusError } from '../model/errors.ts'
import type { Plan } from '../model/plan.ts'
import type { Store } from '../model/ports.ts'
import { splitTenant } from '../model/tenant.ts'

/** A tenant's sync runs with the tenant's own connections or not at all. Throws NotFound for one that is not set up. */
export async function requireConnections(store: Pick<Store, 'getConnection'>, plan: Plan): Promise<void> {
  const { tenant } = splitTenant(plan.id)
  if (tenant === null) return
  const names = plan.streams.flatMap((s) => [s.connection, ...(s.destination.kind === 'action' ? [s.destination.connection] : [])])
  for (const name of new Set(names.filter((n) => splitTenant(n).tenant === tenant))) {
    if (await store.getConnection(name)) continue
    throw new IsthmusError('NotFound', `the tenant "${tenant}" has no connection "${name}"`, { field: 'tenant', cure: `set it up: connections.create({ connector, tenant: '${tenant}', ... }), a connect link, or isthmus connect ${splitTenant(name).id} --as ${name}` })
  }
}
