import type { Migration } from './types.ts'

export const migration: Migration = {
  id: 19,
  name: 'triggers, tenants and API keys',
  sql: `
-- The sync of a tenant ends in @tenant.
alter table isthmus.runs add column tenant text generated always as (split_part(sync, '@', 2)) stored;
create index runs_of_tenant on isthmus.runs (tenant, started_at desc) where tenant <> '';

-- Which run an idempotency key stands for. Keys are kept as fingerprints; the caller that starts the run holds a lease until it has.
create table isthmus.triggers (
  sync text not null, key text not null, request text not null, run text not null, started boolean not null default false,
  owner text not null, lease_until timestamptz not null, expires_at timestamptz not null, primary key (sync, key));
create index triggers_by_age on isthmus.triggers (expires_at);

-- Keys of the HTTP API: what proves them is kept as its SHA-256 only.
create table isthmus.api_keys (
  id text primary key, name text not null, hash bytea not null, scopes text[] not null, created_at timestamptz not null default now(),
  expires_at timestamptz, last_used_at timestamptz, revoked_at timestamptz);
`,
}
