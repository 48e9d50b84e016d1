const KEPT = 64
const ENOUGH = 8

/** What quick answers of an account take: the 10th percentile of the last 64, in ms. 0 until 8 were seen, so that each request counts to its answer. */
export class Quick {
  readonly #recent: number[] = []
  #next = 0
  #value = 0

  get ms(): number {
    return this.#value
  }

  add(ms: number): void {
    this.#recent[this.#next] = ms
    this.#next = (this.#next + 1) % KEPT
    if (this.#recent.length < ENOUGH || this.#next % ENOUGH !== 0) return
    const sorted = [...this.#recent].sort((a, b) => a - b)
    this.#value = Math.min(60_000, sorted[Math.floor(sorted.length / 10)]!)
  }
}
