import { createHash } from 'node:crypto'
import { CODED, ESCAPED } from './forms.ts'
import type { Encode } from './forms.ts'

/** Values below this are left out: they would blank ordinary text. */
const MIN_LENGTH = 4
/** Values below this count only as whole words, and not in base64 or hex. */
const MIN_LONG = 8
/** In records only values of this length count: they do not stand there by chance. */
const MIN_DATA = 12
/** How much of a form is looked up before the whole is compared; a form that an ellipsis or the end of the text cuts off is known by it. */
const HEAD = 12
/** Of so many forms with one head a cut-off one is believed without comparing: it is a token of the usual kind. */
const MANY = 64
/** Longer forms are kept as a fingerprint. */
const MAX_KEPT = 64
/** Values kept; beyond it the one not seen for the longest time goes. Tokens are exchanged for ever, a worker's memory is not. */
const MAX_VALUES = 20_000
const HASH_BITS = 18
const SPREAD = 0x9e3779b1

/** `internal`: hidden in messages, but left in records, where it may be an ordinary account number. */
export type Sensitivity = 'secret' | 'internal'

/** A value as it shows in texts. */
interface Form {
  secret: string
  encode: Encode
  head: string
  length: number
  /** The form itself, or its fingerprint. */
  mark: string
}
/** Forms with one head. */
interface Family {
  /** Longest first. */
  lengths: { length: number; secrets: Map<string, string> }[]
  forms: Form[]
}
/** Where a value was found. */
export interface Found {
  start: number
  end: number
}

/**
 * Registered values, found in all their forms in one pass over a text: at each place a hash of the next four characters says
 * whether any form begins so; only then are heads looked up and forms compared. The cost of a text hardly grows with the number of
 * values, also when thousands of them begin alike, as JWTs do.
 */
export class KnownValues {
  /** Those not seen for the longest time first. */
  readonly #values = new Map<string, { sensitivity: Sensitivity; turn: number }>()
  /** Values added so far. */
  #turn = 0
  /** By a hash of the first four characters, then by length of the head, then by head. */
  readonly #families = new Map<number, Map<number, Map<string, Family>>>()
  /** 1 where a hash occurs. */
  readonly #begins = new Uint8Array(1 << HASH_BITS)

  add(value: string, sensitivity: Sensitivity): void {
    const known = this.#values.get(value)
    if (known !== undefined) {
      if (sensitivity === 'secret') known.sensitivity = sensitivity
      // Credentials are added again with each request; moving them each time would cost more than it tells.
      if (this.#turn - known.turn < MAX_VALUES / 4) return
      this.#values.delete(value)
      this.#values.set(value, { sensitivity: known.sensitivity, turn: this.#turn })
      return
    }
    if (value.length < MIN_LENGTH) return
    this.#values.set(value, { sensitivity, turn: ++this.#turn })
    for (const form of formsOf(value)) this.#index(form)
    if (this.#values.size > MAX_VALUES) this.#forget(this.#values.keys().next().value!)
  }

  /** The first value at or behind `from`; the longest form wins. */
  find(text: string, from: number, onlySecrets = false): Found | null {
    if (this.#values.size === 0) return null
    const begins = this.#begins
    let window = 0
    for (let i = from; i < text.length; i++) {
      // Four characters, a byte of each.
      window = (window >>> 8) | (text.charCodeAt(i) << 24)
      const gram = Math.imul(window, SPREAD) >>> (32 - HASH_BITS)
      const start = i - MIN_LENGTH + 1
      if (begins[gram] === 0 || start < from) continue
      const end = this.#match(text, start, gram, onlySecrets)
      if (end > start) return { start, end }
    }
    return null
  }

  #match(text: string, at: number, gram: number, onlySecrets: boolean): number {
    let best = -1
    for (const [size, families] of this.#families.get(gram) ?? []) {
      const family = families.get(text.slice(at, at + size))
      if (family === undefined) continue
      const counts = (secret: string): boolean => !onlySecrets || (secret.length >= MIN_DATA && this.#values.get(secret)?.sensitivity === 'secret')
      const end = at + endOf(family, text, at, counts)
      best = Math.max(best, end)
    }
    return best
  }

  #index(form: Form): void {
    const gram = gramOf(form.head)
    this.#begins[gram] = 1
    const sizes = orNew(this.#families, gram, () => new Map<number, Map<string, Family>>())
    const families = orNew(sizes, form.head.length, () => new Map<string, Family>())
    const family = orNew(families, form.head, (): Family => ({ lengths: [], forms: [] }))
    family.forms.push(form)
    let same = family.lengths.find((l) => l.length === form.length)
    if (!same) {
      family.lengths.push((same = { length: form.length, secrets: new Map() }))
      family.lengths.sort((a, b) => b.length - a.length)
    }
    same.secrets.set(form.mark, form.secret)
  }

  #forget(value: string): void {
    this.#values.delete(value)
    for (const { head, length, mark } of formsOf(value)) {
      const families = this.#families.get(gramOf(head))?.get(head.length)
      const family = families?.get(head)
      if (!family) continue
      family.forms = family.forms.filter((f) => f.secret !== value)
      if (family.forms.length === 0) families!.delete(head)
      family.lengths.find((l) => l.length === length)?.secrets.delete(mark)
      family.lengths = family.lengths.filter((l) => l.secrets.size > 0)
    }
  }
}

/** Length of the longest form of the family that the text holds at a place; 0 for none. */
function endOf(family: Family, text: string, at: number, counts: (secret: string) => boolean): number {
  for (const { length, secrets } of family.lengths) {
    const secret = at + length > text.length ? undefined : secrets.get(markOf(text.slice(at, at + length)))
    if (secret !== undefined && counts(secret) && (secret.length >= MIN_LONG || isWord(text, at, at + length))) return length
  }
  // What follows as far as it may be the beginning of a form: up to an ellipsis or the end of the text.
  const rest = text.slice(at, at + family.lengths[0]!.length)
  const dots = rest.search(/…|\.\.\./)
  const shown = dots < 0 ? rest.length : dots
  if (shown < HEAD || (dots < 0 && at + rest.length < text.length)) return 0
  const cut = family.forms.length > MANY || family.forms.some((f) => f.length > shown && counts(f.secret) && f.encode(f.secret).startsWith(rest.slice(0, shown)))
  return cut ? shown : 0
}

/** All forms of a value, each once. */
function formsOf(secret: string): Form[] {
  const forms = new Map<string, Form>()
  for (const encode of secret.length >= MIN_LONG ? [...ESCAPED, ...CODED] : ESCAPED) {
    const full = encode(secret)
    if (full.length < MIN_LENGTH || forms.has(full)) continue
    // A copy: a slice would keep the whole form in memory.
    const head = Buffer.from(full.slice(0, HEAD), 'utf16le').toString('utf16le')
    forms.set(full, { secret, encode, head, length: full.length, mark: markOf(full) })
  }
  return [...forms.values()]
}

function markOf(form: string): string {
  return form.length <= MAX_KEPT ? form : createHash('sha256').update(form, 'utf16le').digest('base64')
}

function orNew<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

/** Hash of the first four characters. */
function gramOf(text: string): number {
  let window = 0
  for (let i = 0; i < MIN_LENGTH; i++) window = (window >>> 8) | (text.charCodeAt(i) << 24)
  return Math.imul(window, SPREAD) >>> (32 - HASH_BITS)
}

const WORD = /[\p{L}\p{N}_]/u

/** No letter or digit of the value continues in its neighbours. */
function isWord(text: string, start: number, end: number): boolean {
  const joins = (a: number, b: number): boolean => a >= 0 && b < text.length && WORD.test(text[a]!) && WORD.test(text[b]!)
  return !joins(start - 1, start) && !joins(end - 1, end)
}
