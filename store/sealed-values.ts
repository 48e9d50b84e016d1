/** A column that holds sealed values. */
export interface Sealed {
  table: string
  /** Gives row, field (as the value was sealed for) and sealed. */
  select: string
  /** Replaces a value ($1) that is still the one that was read ($2) in row $3, of field $4 where `byField`. */
  update: string
  byField: boolean
}

/** Every column that holds sealed values. */
export const SEALED: Sealed[] = [
  {
    table: 'connections', byField: false,
    select: `select connection as "row", 'settings' as field, settings as sealed from isthmus.connections`,
    update: 'update isthmus.connections set settings = $1 where settings = $2 and connection = $3',
  },
  {
    table: 'tokens', byField: false,
    select: `select connection as "row", 'token ' || version as field, sealed from isthmus.tokens where sealed is not null`,
    update: 'update isthmus.tokens set sealed = $1 where sealed = $2 and connection = $3',
  },
  {
    table: 'vault_credentials', byField: true,
    select: 'select connection as "row", field, sealed from isthmus.vault_credentials',
    update: 'update isthmus.vault_credentials set sealed = $1 where sealed = $2 and connection = $3 and field = $4',
  },
  {
    table: 'connect_links', byField: false,
    select: `select link as "row", 'sealed' as field, sealed from isthmus.connect_links`,
    update: 'update isthmus.connect_links set sealed = $1 where sealed = $2 and link = $3',
  },
]
