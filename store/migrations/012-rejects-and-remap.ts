import type { Migration } from './types.ts'

export const migration: Migration = {
  id: 12,
  name: 'rejects and remap',
  sql: `
alter table isthmus.rejects
  add column id bigint generated always as identity,
  add column state text not null default 'open',
  add column tries integer not null default 0,
  -- record: raw is the source's; row: raw is the mapped row, the source's could not be found.
  add column kind text not null default 'record',
  add column cut boolean not null default false,
  add column note text not null default '',
  add column last_retry text not null default '',
  add column changed_at timestamptz;
update isthmus.rejects set kind = case when index < 0 then 'row' else 'record' end, cut = length(raw) >= 65536;
create unique index rejects_by_id on isthmus.rejects (id);
create index rejects_open on isthmus.rejects (sync, id) where state = 'open';
create index rejects_closed on isthmus.rejects (changed_at) where state <> 'open';

create table isthmus.remaps (
  remap text not null, stream text not null, cover json not null, result json,
  at timestamptz not null default clock_timestamp(), primary key (remap, stream));
create table isthmus.remap_chunks (
  remap text not null, stream text not null, n integer not null, run text not null, seq integer not null, records bigint not null,
  result json, primary key (remap, stream, n));
`,
}
