import type { Migration } from './types.ts'

export const migration: Migration = {
  id: 15,
  name: 'connect links',
  sql: `
-- Links by which a person sets up a connection in a browser. What opens them is kept as keyed fingerprints only.
create table isthmus.connect_links (
  link text primary key, sealed text not null, expires_at timestamptz not null,
  -- The browser that opened it first, and the state it was sent to the provider with.
  browser text, state text unique, used_at timestamptz);
`,
}
