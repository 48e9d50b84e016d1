import type { Migration } from './types.ts'

export const migration: Migration = {
  id: 10,
  name: 'deliveries',
  sql: `
-- One row for each version of a record that was sent to an action, in turn: 1, 2, 3, ...
create table isthmus.deliveries (
  stream text not null, target text not null, record text not null, turn integer not null, version text not null,
  -- pending: committed before the request is sent, its result is not known; unsent: known not to have been taken up.
  state text not null check (state in ('pending', 'unsent', 'delivered', 'failed')),
  -- Key of the request, and the place of the record in it.
  key text not null, place integer not null,
  -- The chunk that sent it, and what it counts as there.
  chunk text not null, effect text not null check (effect in ('inserted', 'updated', 'deleted')),
  -- What tells how new the version is, where the stream has such a column.
  mark text,
  remote_id text, reason text not null default '',
  -- How often it was sent without knowing what became of the request before, with nothing that would absorb a second one.
  uncertain integer not null default 0,
  begun_at timestamptz not null default clock_timestamp(), ended_at timestamptz,
  primary key (stream, target, record, turn));
create index deliveries_by_key on isthmus.deliveries (key);

-- Who may begin deliveries of a stream: an attempt that was replaced can begin none.
create table isthmus.delivery_holders (stream text primary key, holder text not null, at timestamptz not null default now());
`,
}
