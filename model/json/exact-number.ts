/**
 * A number that remembers how the source wrote it. It calculates like a number (`x * 2`, `x > 1`, `x.toFixed(2)`);
 * `toString()`, `String(x)` and templates give the source's digits, for example `12.50` or `0.1000000000000000055`.
 * `typeof` is `object`, so compare with `Number(x) === 12.5`. Zero is never an ExactNumber (it would be truthy).
 */
export class ExactNumber extends Number {
  /** The digits as the source wrote them, a JSON number. */
  readonly text: string

  constructor(text: string) {
    super(text)
    this.text = text
  }

  override toString(radix?: number): string {
    return radix === undefined || radix === 10 ? this.text : super.toString(radix)
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.text
  }
}
