import type pg from 'pg'
import type { Token } from '../model/ports.ts'
import { ClockOffset } from './clock-offset.ts'
import { redactor } from '../model/redact/index.ts'
import type { Keyring } from './keyring.ts'
import type { SealedPlace } from './vault.ts'

/** A row of isthmus.tokens. */
export interface TokenRow {
  version: number
  sealed: string | null
  /** The database's clock, epoch ms. */
  now: string
  rotates: boolean | null
  use_id: string | null
  use_by: string | null
  use_at: Date | null
  use_of: string | null
  /** The process of the refresh under way has given a sign of life lately. */
  alive: boolean | null
  reconnect_since: Date | null
  reconnect_reason: string | null
}

const NONE: Token = { version: 0, accessToken: '', expiresAt: null, refreshToken: null }
/** Below this the clocks of database and process count as the same: it is how long a busy process takes to look at an answer. */
const SAME_CLOCK_MS = 100

type Times = 'expiresAt' | 'issuedAt'
type Stored = Omit<Token, 'version' | Times> & { [T in Times]?: string | null }

/** Reads and seals tokens. Their times are kept by the database's clock, since the clocks of processes differ. */
export class TokenRows {
  readonly #keyring: Keyring
  readonly #clock = new ClockOffset()
  #ahead = 0

  constructor(keyring: Keyring) {
    this.#keyring = keyring
  }

  async read(connection: string, on: pg.Pool | pg.PoolClient): Promise<Token> {
    const asked = Date.now()
    const { rows } = await on.query<TokenRow>('select version, sealed, extract(epoch from clock_timestamp()) * 1000 as now from isthmus.tokens where connection = $1', [connection])
    if (rows[0]) this.#compareClocks(rows[0], asked)
    return this.#open(connection, rows[0])
  }

  /** Locks the row, which is made when there is none. `silenceMs`: without a sign of life for so long a process counts as dead; a third of it where that harms nothing. */
  async lock(connection: string, client: pg.PoolClient, silenceMs: number): Promise<{ row: TokenRow; token: Token }> {
    const row = await this.lockRow(connection, client, silenceMs)
    return { row, token: await this.#open(connection, row) }
  }

  /** The same without opening what is sealed there. */
  async lockRow(connection: string, client: pg.PoolClient, silenceMs: number): Promise<TokenRow> {
    const asked = Date.now()
    const select = `select version, sealed, extract(epoch from clock_timestamp()) * 1000 as now, rotates, use_id, use_by, use_at, use_of, reconnect_since, reconnect_reason,
      -- Nobody could give a sign while the database was down.
      clock_timestamp() < greatest(use_seen_at, pg_postmaster_start_time()) + make_interval(secs => $2::float8 / case when use_of is null or rotates is false then 3000 else 1000 end) as alive
      from isthmus.tokens where connection = $1 for update`
    let row = (await client.query<TokenRow>(select, [connection, silenceMs])).rows[0]
    if (!row) {
      await client.query('insert into isthmus.tokens (connection, version) values ($1, 0) on conflict do nothing', [connection])
      row = (await client.query<TokenRow>(select, [connection, silenceMs])).rows[0]!
    }
    this.#compareClocks(row, asked)
    return row
  }

  seal(connection: string, token: Token): Promise<string> {
    const { accessToken, expiresAt, refreshToken, issuedAt, version } = token
    noteToken(token)
    const byDatabase = (at: Date | null | undefined) => (at ? new Date(at.getTime() - this.#ahead) : null)
    return this.#keyring.seal(JSON.stringify({ accessToken, expiresAt: byDatabase(expiresAt), refreshToken, issuedAt: byDatabase(issuedAt) }), tokenPlace(connection, version))
  }

  /** Tells whether two secrets are the same, and nothing else. */
  fingerprint(secret: string): Promise<string> {
    return this.#keyring.fingerprint(`refresh token\n${secret}`)
  }

  async #open(connection: string, row: TokenRow | undefined): Promise<Token> {
    if (!row || row.sealed === null) return NONE
    const { accessToken, refreshToken, expiresAt, issuedAt } = JSON.parse(await this.#keyring.open(row.sealed, tokenPlace(connection, row.version))) as Stored
    noteToken({ accessToken, refreshToken })
    const byProcess = (at: string | null | undefined) => (at ? new Date(Date.parse(at) + this.#ahead) : null)
    return { version: row.version, accessToken, refreshToken, expiresAt: byProcess(expiresAt), issuedAt: byProcess(issuedAt) }
  }

  #compareClocks(row: TokenRow, asked: number): void {
    const ahead = this.#clock.sample(asked, Number(row.now), Date.now())
    this.#ahead = Math.abs(ahead) < SAME_CLOCK_MS ? 0 : ahead
  }
}

function noteToken({ accessToken, refreshToken }: Pick<Token, 'accessToken' | 'refreshToken'>): void {
  redactor.add(accessToken)
  if (refreshToken) redactor.add(refreshToken)
}

/** Where a token of that version is sealed. */
export function tokenPlace(connection: string, version: number): SealedPlace {
  return { table: 'tokens', row: connection, field: `token ${version}` }
}
