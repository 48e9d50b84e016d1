import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { RejectedKey } from '../../model/ports.ts'
import type { RefusedRow } from '../../model/run.ts'
import { lineStarts, readLine, rowValues } from './lines.ts'
import { rowReason } from './row-errors.ts'

/** More than this many rows refused in one chunk is no matter of single rows. */
export const MOST_REFUSED = 1_000

/** The rows of one chunk that PostgreSQL refused. */
export class Refusals {
  readonly #found = new Map<number, { reason: string; field: string }>()
  readonly #plan: StreamPlan
  readonly #path: string
  #starts: Promise<number[]> | null = null

  constructor(plan: StreamPlan, path: string) {
    this.#plan = plan
    this.#path = path
  }

  get count(): number {
    return this.#found.size
  }

  has(line: number): boolean {
    return this.#found.has(line)
  }

  /** Where the lines of the chunk begin; read once, and only when it is needed. */
  starts(): Promise<number[]> {
    return (this.#starts ??= lineStarts(this.#path))
  }

  /** Notes a row (line from 0). Throws Contract when there are too many. */
  add(line: number, error: Error): void {
    const { reason, field } = rowReason(error, this.#plan)
    this.#found.set(line, { reason, field })
    if (this.#found.size <= MOST_REFUSED) return
    throw new IsthmusError('Contract', `PostgreSQL refused more than ${MOST_REFUSED} rows of one chunk, the last: ${reason}`, {
      field: field ? `model.${field}` : 'to.table', cure: 'compare the model with the table and its constraints',
    })
  }

  /** The keys of the refused rows, as they stand in the rows file. */
  async keys(): Promise<RejectedKey[]> {
    const starts = await this.starts()
    const at = this.#plan.key.map((name) => this.#plan.columns.findIndex((c) => c.name === name))
    const keys: RejectedKey[] = []
    for (const line of this.#found.keys()) {
      const cells = (await readLine(this.#path, starts, line)).split('\t')
      keys.push({ cells: at.map((i) => cells[i]).join('\t'), guessed: false })
    }
    return keys
  }

  async list(): Promise<RefusedRow[]> {
    const starts = await this.starts()
    const names = this.#plan.columns.map((c) => c.name)
    const rows: RefusedRow[] = []
    for (const [line, why] of [...this.#found].sort(([a], [b]) => a - b)) {
      const values = rowValues(await readLine(this.#path, starts, line), names)
      rows.push({ line: line + 1, ...why, row: JSON.stringify(values) })
    }
    return rows
  }
}
