import { CastError, excerpt } from './error.ts'

export interface BoolOptions {
  /** Texts that mean true (any case), instead of: true t yes y on 1. */
  truthy?: readonly string[]
  /** Texts that mean false (any case), instead of: false f no n off 0. */
  falsy?: readonly string[]
}

const TRUE = ['true', 't', 'yes', 'y', 'on', '1']
const FALSE = ['false', 'f', 'no', 'n', 'off', '0']

/** Compiles a reader of booleans. Values outside both lists are refused. */
export function boolReader(options: BoolOptions = {}): (value: unknown) => boolean {
  const known = new Map<string, boolean>()
  for (const text of options.falsy ?? FALSE) known.set(text.toLowerCase(), false)
  for (const text of options.truthy ?? TRUE) known.set(text.toLowerCase(), true)
  return (value) => {
    if (typeof value === 'boolean') return value
    const text = typeof value === 'object' || typeof value === 'symbol' ? undefined : String(value).trim().toLowerCase()
    const found = text === undefined ? undefined : known.get(text)
    if (found === undefined) throw new CastError(`${excerpt(value)} is neither true nor false: name the texts with truthy and falsy`)
    return found
  }
}
