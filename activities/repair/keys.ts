import { compileMapper, type CompiledMapper } from '../../model/mapping/index.ts'
import { fieldRuleSchema, type FieldRule, type StreamPlan } from '../../model/plan.ts'

/** Reads the key columns of a record that the mapping leaves out or rejects, as cells of COPY's text format; null when it cannot be told. */
export class KeyReader {
  readonly #rows: CompiledMapper
  readonly #mapper: CompiledMapper | null
  readonly #places: number[]
  #guesses = 0
  #wrong = false

  constructor(stream: StreamPlan, rows: CompiledMapper) {
    this.#rows = rows
    this.#places = stream.key.map((k) => stream.columns.findIndex((c) => c.name === k))
    const rules = keyRules(stream)
    // Only the cast counts: what a model checks besides decided about the row, not about its key.
    const columns = this.#places.map((i) => ({ ...stream.columns[i]!, checked: false }))
    this.#mapper = rules && columns.length > 0 ? compileMapper({ columns, mapping: { kind: 'fields', fields: rules } }) : null
  }

  /** False when keys were taken from the source's own place, and mapped rows have other keys than stand there. */
  get trusted(): boolean {
    return this.#guesses === 0 || !this.#wrong
  }

  read(record: unknown): string | null {
    const known = this.#rows.keyOf(record)
    if (known && !known.guessed) return known.cells
    this.#guesses += 1
    return this.#guess(record)
  }

  #guess(record: unknown): string | null {
    if (!this.#mapper) return null
    const out = { text: '' }
    return this.#mapper.map(record, out) === null ? out.text.slice(0, -1) : null
  }

  /** Compares with the key of a row (without its newline) that the mapping made of the record. */
  check(record: unknown, row: string): void {
    if (!this.#mapper || this.#wrong) return
    const cells = row.split('\t')
    if (this.#guess(record) !== this.#places.map((i) => cells[i]).join('\t')) this.#wrong = true
  }
}

/** With a function the key columns are taken from the stream's own key, which holds as long as the function leaves it as it is. */
function keyRules({ key, mapping, stream }: StreamPlan): Record<string, FieldRule> | null {
  if (mapping.kind === 'fields') return Object.fromEntries(key.flatMap((k) => (mapping.fields[k] ? [[k, mapping.fields[k]]] : [])))
  if (stream.key.length !== key.length) return null
  return Object.fromEntries(key.map((k, i) => [k, fieldRuleSchema.parse({ path: stream.key[i]! })]))
}
