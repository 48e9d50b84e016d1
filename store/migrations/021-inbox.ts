import type { Migration } from './types.ts'

export const migration: Migration = {
  id: 21,
  name: 'inbox',
  sql: `
-- Events that webhooks received, each once; seq grows in the order in which they were committed.
create table isthmus.inbox (
  seq bigint generated always as identity primary key, webhook text not null, event text not null, type text not null, body json not null,
  received_at timestamptz not null default clock_timestamp(), unique (webhook, event));
create index inbox_by_webhook on isthmus.inbox (webhook, seq);

-- How far syncs were told of a webhook's events.
create table isthmus.inbox_told (webhook text primary key, seq bigint not null, at timestamptz not null default now());
`,
}
