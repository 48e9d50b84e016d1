import type { ColumnType } from '../../model/plan.ts'

const SQL: Record<Exclude<ColumnType['kind'], 'decimal'>, string> = {
  text: 'text', enum: 'text', integer: 'bigint', float: 'double precision', boolean: 'boolean', date: 'date',
  timestamp: 'timestamp with time zone', localTimestamp: 'timestamp without time zone', time: 'time without time zone', uuid: 'uuid', json: 'jsonb',
}

/** Type of the column that Isthmus creates. */
export function sqlType(type: ColumnType): string {
  if (type.kind !== 'decimal') return SQL[type.kind]
  return type.precision === null ? 'numeric' : `numeric(${type.precision}, ${type.scale ?? 0})`
}

/** Type of a column that exists. */
export interface FoundType {
  /** Internal name, of a domain that of what it is based on: `int8`, `numeric`, `timestamptz` ... */
  name: string
  /** Type modifier; -1 = none. */
  modifier: number
  /** Values of an enumerated type; null for other types. */
  labels: string[] | null
}

/** True when every value of the model's type fits into the column unchanged. */
export function fits(found: FoundType, type: ColumnType): boolean {
  const { name, modifier } = found
  const micros = modifier === -1 || modifier >= 6
  const texts = ['text', 'varchar', 'citext'].includes(name)
  switch (type.kind) {
    case 'text':
      return texts
    case 'enum':
      return texts || (found.labels !== null && type.values.every((v) => found.labels!.includes(v)))
    case 'uuid':
      return name === 'uuid' || texts
    case 'integer':
      return name === 'int8' || numericHolds(found, 19, 0)
    case 'float':
      return name === 'float8' || (name === 'numeric' && modifier === -1)
    case 'decimal':
      return type.precision === null ? name === 'numeric' && modifier === -1 : numericHolds(found, type.precision, type.scale ?? 0)
    case 'boolean':
      return name === 'bool'
    case 'date':
      return name === 'date'
    case 'timestamp':
      return name === 'timestamptz' && micros
    case 'localTimestamp':
      return name === 'timestamp' && micros
    case 'time':
      return name === 'time' && micros
    case 'json':
      return name === 'jsonb' || name === 'json'
  }
}

/** numeric(p, s) keeps p and s in its modifier: ((p << 16) | s) + 4, s in 11 bits and signed. */
function numericHolds({ name, modifier }: FoundType, precision: number, scale: number): boolean {
  if (name !== 'numeric') return false
  if (modifier === -1) return true
  const packed = modifier - 4
  const foundScale = ((packed & 0x7ff) ^ 1024) - 1024
  const foundPrecision = (packed >> 16) & 0xffff
  return foundScale >= scale && foundPrecision - foundScale >= precision - scale
}
