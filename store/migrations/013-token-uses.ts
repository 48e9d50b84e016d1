import type { Migration } from './types.ts'

export const migration: Migration = {
  id: 13,
  name: 'token uses',
  sql: `
-- A refresh is noted here before its request leaves, and the note is cleared with the result of it.
alter table isthmus.tokens
  -- The refresh under way; null = none.
  add column use_id text,
  add column use_by text,
  add column use_at timestamptz,
  -- Last sign of life of the process that does it.
  add column use_seen_at timestamptz,
  -- Keyed fingerprint of the refresh token that is presented; null = nothing that could be used up.
  add column use_of text,
  -- The provider has replaced a refresh token; null = not known yet.
  add column rotates boolean,
  -- Highest version with which the API has answered a request.
  add column served integer not null default 0,
  -- A person has to sign in again.
  add column reconnect_since timestamptz,
  add column reconnect_reason text;

-- Refresh tokens that were given from outside and presented, by keyed fingerprint: another connection must not present them too.
create table isthmus.presented_tokens (
  fingerprint text primary key, connection text not null, at timestamptz not null default clock_timestamp());
`,
}
