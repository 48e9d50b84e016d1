const KEPT = 256
const ENOUGH = 32

/** What the quickest of the last 256 answers of an account took, in ms: what more an answer takes, its request may have lain before the server. 0 until 32 were seen. */
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
    if (this.#recent.length >= ENOUGH) this.#value = Math.min(60_000, ...(this.#next % 8 === 0 || this.#value === 0 ? this.#recent : [this.#value, ms]))
  }
}
