import type { Migration } from './types.ts'

export const migration: Migration = {
  id: 14,
  name: 'keys and connections',
  sql: `
-- Keys that seal values. The key of the vault only wraps them, so it can be exchanged without touching every value.
create table isthmus.data_keys (
  id text primary key,
  -- 'values', 'payloads' (what Temporal stores) or 'fingerprints'; the newest of a purpose is used for what is new.
  purpose text not null, created_at timestamptz not null default clock_timestamp());
create table isthmus.key_wraps (
  data_key text not null references isthmus.data_keys on delete cascade,
  -- Id of the vault's key that opens it.
  root text not null, sealed text not null, primary key (data_key, root));

-- Accounts at systems; isthmus.connections holds the values of runs.
create table isthmus.vault_connections (
  id text primary key, connector text not null, method text not null, settings jsonb not null,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now());
create table isthmus.vault_credentials (
  connection text not null references isthmus.vault_connections on delete cascade, field text not null, sealed text not null,
  primary key (connection, field));

create table isthmus.connection_health (
  connection text primary key, state text not null default 'ok', reason text not null default '', since timestamptz,
  last_success_at timestamptz, last_error_at timestamptz, last_error_type text, last_error_message text not null default '');
`,
}
