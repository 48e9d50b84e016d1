const SAMPLES = 32

/** How far this process's clock is ahead of the database's, in ms. */
export class ClockOffset {
  readonly #recent: number[] = []

  /**
   * Takes a question asked at `asked` and answered by `answered` (own clock) in which the database's clock showed `seen`.
   * The offset lies between both; the quickest recent answer is nearest to it.
   */
  sample(asked: number, seen: number, answered: number): number {
    this.#recent.push(answered - seen)
    if (this.#recent.length > SAMPLES) this.#recent.shift()
    // Below the lower bound only after a step of this clock.
    return Math.max(Math.min(...this.#recent), asked - seen)
  }
}
