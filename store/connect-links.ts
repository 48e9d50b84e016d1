import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import type { ConnectLinkStore } from '../model/connections.ts'
import type { Keyring } from './keyring.ts'
import type { SealedPlace } from './vault.ts'

const LIFE = '10 minutes'
/** Old links are forgotten when new ones are made. */
const KEEP = '1 day'

/** Links by which a person sets up a connection. The database holds fingerprints and sealed content: reading it opens none. */
export function connectLinkQueries(pool: pg.Pool, keyring: Keyring): ConnectLinkStore {
  const print = (kind: string, text: string): Promise<string> => keyring.fingerprint(`connect ${kind}\n${text}`)
  const place = (link: string): SealedPlace => ({ table: 'connect_links', row: link, field: 'sealed' })
  return {
    async createConnectLink(content) {
      const link = randomBytes(32).toString('base64url')
      const row = await print('link', link)
      await pool.query(`delete from isthmus.connect_links where expires_at < now() - interval '${KEEP}'`)
      const { rows } = await pool.query<{ expires_at: Date }>(`insert into isthmus.connect_links (link, sealed, expires_at) values ($1, $2, now() + interval '${LIFE}') returning expires_at`, [row, await keyring.seal(content, place(row))])
      return { link, expiresAt: rows[0]!.expires_at }
    },
    async openConnectLink(link, browser) {
      const row = await print('link', link)
      const { rows } = await pool.query<{ sealed: string }>(
        `update isthmus.connect_links set browser = coalesce(browser, $2) where link = $1 and expires_at > now() and used_at is null and (browser is null or browser = $2) returning sealed`,
        [row, await print('browser', browser)],
      )
      return rows[0] ? keyring.open(rows[0].sealed, place(row)) : null
    },
    async updateConnectLink(link, content, state) {
      const row = await print('link', link)
      await pool.query('update isthmus.connect_links set sealed = $2, state = $3 where link = $1 and used_at is null', [row, await keyring.seal(content, place(row)), await print('state', state)])
    },
    async takeConnectLink(state, browser) {
      const { rows } = await pool.query<{ link: string; sealed: string }>(
        'update isthmus.connect_links set used_at = now() where state = $1 and browser = $2 and expires_at > now() and used_at is null returning link, sealed',
        [await print('state', state), await print('browser', browser)],
      )
      return rows[0] ? keyring.open(rows[0].sealed, place(rows[0].link)) : null
    },
    async useConnectLink(link) {
      const { rowCount } = await pool.query('update isthmus.connect_links set used_at = now() where link = $1 and expires_at > now() and used_at is null', [await print('link', link)])
      return rowCount === 1
    },
  }
}
