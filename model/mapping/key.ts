import type { Column } from '../plan.ts'
import type { MapFunction, Mapper, RejectedKey } from '../ports.ts'
import type { Path } from '../value.ts'
import { pathKeys } from '../value.ts'
import type { Cell } from './cell.ts'
import type { FieldPlan } from './fields-mapper.ts'
import { compilePath } from './select.ts'

export interface KeyPaths {
  /** Columns that identify a row. */
  columns: string[]
  /** Where the source keeps its own key in a record. */
  paths: Path[]
}

type KeyReader = Mapper['keyOf']

const NONE: KeyReader = () => null

/**
 * Reads the key of records that `map` rejected for another reason. `whole`: conditions over the whole model may change values,
 * so a key cast alone is only a guess.
 */
export function dataKey(columns: readonly Column[], fields: readonly FieldPlan[], key: KeyPaths | undefined, whole: boolean): KeyReader {
  const at = places(columns, key)
  if (at.length === 0) return NONE
  return (record) => attempt(() => ({ cells: at.map((i) => fields[i]!.cell(fields[i]!.pick(record))).join('\t'), guessed: whole }))
}

/** The same of a map function: from what it returns, else from where the source keeps its key, when key and columns have the same names. */
export function codeKey(fn: MapFunction, columns: readonly Column[], cells: readonly Cell[], key: KeyPaths | undefined, whole: boolean): KeyReader {
  const at = places(columns, key)
  if (at.length === 0) return NONE
  const guess = guesser(columns, cells, key!, at)
  return (record) => {
    let row: unknown
    try {
      row = fn(record)
    } catch {
      return guess(record)
    }
    if (typeof row !== 'object' || row === null) return guess(record)
    return attempt(() => ({ cells: at.map((i) => cells[i]!((row as Record<string, unknown>)[columns[i]!.name])).join('\t'), guessed: whole })) ?? guess(record)
  }
}

function guesser(columns: readonly Column[], cells: readonly Cell[], { paths }: KeyPaths, at: number[]): KeyReader {
  const names = paths.map((path) => pathKeys(path).at(-1)?.toLowerCase())
  const picks = at.map((i) => paths[names.indexOf(columns[i]!.name.toLowerCase())])
  if (picks.some((p) => p === undefined) || paths.length !== at.length) return NONE
  const selectors = picks.map((p) => compilePath(p!))
  return (record) => attempt(() => ({ cells: at.map((i, n) => cells[i]!(selectors[n]!(record))).join('\t'), guessed: true }))
}

function places(columns: readonly Column[], key: KeyPaths | undefined): number[] {
  return (key?.columns ?? []).map((name) => columns.findIndex((c) => c.name === name))
}

function attempt(read: () => RejectedKey): RejectedKey | null {
  try {
    return read()
  } catch {
    return null
  }
}
