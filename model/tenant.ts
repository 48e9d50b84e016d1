import { IsthmusError } from './errors.ts'

/**
 * Tenants: customers of an app that use the same syncs, each with an account of its own. The id of what belongs to one ends in `@<tenant>`:
 * the connection `acme@north`, the sync `orders@north` (and with it workflow, checkpoint and runs).
 */

/** What a tenant may be called: also part of the name of a schema in PostgreSQL, where two of them must never meet. */
export const TENANT_NAME = /^(?!.*__)[a-z0-9][a-z0-9_-]{0,39}$/

/** Throws InvalidInput when the text cannot be the name of a tenant. */
export function checkTenant(tenant: string): void {
  if (TENANT_NAME.test(tenant)) return
  throw new IsthmusError('InvalidInput', `"${tenant.slice(0, 60)}" cannot be the name of a tenant`, { field: 'tenant', cure: 'use at most 40 lower-case letters, digits, - and _ (never two _ together), with a letter or digit first' })
}

/** `orders` and `north` make `orders@north`; without a tenant the id stays as it is. Throws InvalidInput. */
export function withTenant(id: string, tenant: string | undefined): string {
  if (tenant === undefined) return id
  checkTenant(tenant)
  const there = splitTenant(id).tenant
  if (there !== null && there !== tenant) throw new IsthmusError('InvalidInput', `"${id}" is of another tenant than "${tenant}"`, { field: 'tenant', cure: `leave the tenant out, or the @${there}` })
  return there === null ? `${id}@${tenant}` : id
}

/** `orders@north` is `orders` of `north`; `tenant` is null where there is none. */
export function splitTenant(id: string): { id: string; tenant: string | null } {
  const at = id.indexOf('@')
  return at < 0 ? { id, tenant: null } : { id: id.slice(0, at), tenant: id.slice(at + 1) }
}

/**
 * Schema with a tenant's tables: `public` of `north` is `public__north`. Injective, since no tenant's name holds `__` or begins with `_`;
 * a table of its own is what keeps deletes by complete scans away from the rows of others.
 */
export function tenantSchema(schema: string, tenant: string): string {
  return `${schema}__${tenant}`
}
