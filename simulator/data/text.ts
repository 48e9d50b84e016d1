/** `'00'` to `'99'` and so on: looking a padded number up is several times cheaper than padding it. */
export const PAD2 = table(2)
export const PAD3 = table(3)
export const PAD4 = table(4)

function table(width: number): string[] {
  return Array.from({ length: 10 ** width }, (_, i) => String(i).padStart(width, '0'))
}

/** One piece of memory in place of a tree of its parts. Latin-1 only. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** Eight digits of a whole number below 10^8. */
export function pad8(n: number): string {
  const high = (n / 10_000) | 0
  return PAD4[high]! + PAD4[n - high * 10_000]!
}

/** An exact amount with two decimals from whole cents below 2^53: `12.50`. */
export function cents(n: number): string {
  if (n < 0) return `-${cents(-n)}`
  const whole = Math.floor(n / 100)
  return `${whole}.${PAD2[n - whole * 100]!}`
}
