const KEPT = 64
const ENOUGH = 8

/** How long answers of an account usually take: the 90th percentile of the last 64, in ms. 0 until enough were seen, so that each counts to its answer. */
export class Usual {
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
    this.#value = Math.min(60_000, sorted[Math.floor(sorted.length * 0.9)]!)
  }
}
