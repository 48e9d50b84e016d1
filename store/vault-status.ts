import { poolOf, pgError } from './postgres.ts'
import { openTo } from './key-file.ts'
import { pendingRotation } from './rotation.ts'
import { SEALED } from './sealed-values.ts'
import { sourceOf, type VaultKey } from './vault-key.ts'

export interface VaultStatus {
  /** Id of the key in use. */
  key: string
  /** Where it comes from: the name of a variable, or a file. */
  source: string
  /** Mode of its file when others can read it, for example `644`; else null. */
  openTo: string | null
  /** Data keys of all purposes. */
  dataKeys: number
  /** Sealed values. */
  sealed: number
  /** Of these, not under the newest data key. */
  older: number
  /** Data keys that something else than the key in use opens too: more than 0 only while a rotation is not finished. */
  otherWraps: number
  /** A rotation is under way, or was stopped. */
  rotation: boolean
}

/** What the vault holds. */
export async function vaultStatus(databaseUrl: string, key: VaultKey): Promise<VaultStatus> {
  const pool = poolOf(databaseUrl, 'isthmus vault status', 1)
  try {
    const { rows } = await pool.query<{ keys: number; newest: string; other: number }>(
      `select count(*)::int as keys, (select id from isthmus.data_keys where purpose = 'values' order by created_at desc, id desc limit 1) as newest,
       (select count(distinct data_key)::int from isthmus.key_wraps where root <> $1) as other from isthmus.data_keys`,
      [key.id],
    )
    const { keys, newest, other } = rows[0]!
    let [sealed, older] = [0, 0]
    for (const s of SEALED) {
      const counted = await pool.query<{ all: number; older: number }>(`select count(*)::int as all, count(*) filter (where left(sealed, 3) <> 'v2.' or split_part(sealed, '.', 2) <> $1)::int as older from (${s.select}) v`, [newest])
      sealed += counted.rows[0]!.all
      older += counted.rows[0]!.older
    }
    const mode = key.source?.kind === 'file' ? await openTo(key.source.path) : null
    return { key: key.id, source: sourceOf(key), openTo: mode, dataKeys: keys, sealed, older, otherWraps: other, rotation: (await pendingRotation(pool)) !== null }
  } catch (error) {
    throw pgError(error, 'The database of Isthmus')
  } finally {
    await pool.end()
  }
}
