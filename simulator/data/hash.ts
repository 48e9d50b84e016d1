/** A 32-bit unsigned number from a state, spread well enough that neighbours look unrelated. */
export function mix(state: number): number {
  let h = state | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The state of record `index` under `seed`; add small constants to it and `mix` again for further draws. */
export function stateOf(seed: number, index: number): number {
  return mix(Math.imul(seed, 0x9e3779b1) ^ mix(index + 0x7f4a7c15))
}

/** A number in [0, 1) from a seed and a counter. */
export function fraction(seed: number, counter: number): number {
  return mix(stateOf(seed, counter) + 0x51ed270b) / 4294967296
}
