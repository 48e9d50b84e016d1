const LARGEST = 1 << 20

/** A queue of times in a ring that grows to a fixed bound. */
export class Times {
  #ring = new Float64Array(64)
  #head = 0
  #size = 0
  readonly #largest: number

  constructor(largest = LARGEST) {
    this.#largest = largest
  }

  get size(): number {
    return this.#size
  }

  /** The time `back` entries before the newest (0 is the newest). */
  fromEnd(back: number): number {
    return this.#ring[(this.#head + this.#size - 1 - back) % this.#ring.length]!
  }

  /** Adds a time; at the bound the oldest goes. */
  push(time: number): void {
    if (this.#size === this.#ring.length) {
      if (this.#size < this.#largest) this.#grow()
      else this.#shift()
    }
    this.#ring[(this.#head + this.#size) % this.#ring.length] = time
    this.#size++
  }


  /** Forgets what is at or before a time. */
  dropUntil(time: number): void {
    while (this.#size > 0 && this.#ring[this.#head]! <= time) this.#shift()
  }

  #shift(): void {
    this.#head = (this.#head + 1) % this.#ring.length
    this.#size--
  }

  #grow(): void {
    const larger = new Float64Array(Math.min(this.#ring.length * 2, this.#largest))
    for (let i = 0; i < this.#size; i++) larger[i] = this.#ring[(this.#head + i) % this.#ring.length]!
    this.#ring = larger
    this.#head = 0
  }
}

/** The most events in any window of a length. Exact up to 1,048,576 events in one window. */
export class Peak {
  readonly #times = new Times()
  readonly #perMs: number
  highest = 0

  constructor(perMs: number) {
    this.#perMs = perMs
  }

  add(now: number): void {
    this.#times.dropUntil(now - this.#perMs)
    this.#times.push(now)
    if (this.#times.size > this.highest) this.highest = this.#times.size
  }
}
