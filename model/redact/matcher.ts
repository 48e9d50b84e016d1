/** Finds many texts in one pass: a table over four characters says where to look closer, so the cost hardly grows with their number. */
export class Matcher {
  readonly #table = new Uint8Array(1 << 16)
  /** By the first four characters, longest first. */
  readonly #byHead = new Map<number, string[]>()

  add(form: string): void {
    const head = headOf(form, 0)
    this.#table[slot(head)] = 1
    const list = this.#byHead.get(head) ?? []
    if (list.includes(form)) return
    list.push(form)
    list.sort((a, b) => b.length - a.length)
    this.#byHead.set(head, list)
  }

  /** Where the first form of at least `least` characters stands in `text` at or after `from`; null when there is none. */
  find(text: string, from: number, least = 0): { start: number; end: number } | null {
    for (let i = from; i + 4 <= text.length; i++) {
      const head = headOf(text, i)
      if (this.#table[slot(head)] === 0) continue
      for (const form of this.#byHead.get(head) ?? []) {
        if (form.length < least) break
        // Short secrets are words of their own, or ordinary text would be blanked.
        if (text.startsWith(form, i) && (form.length >= 8 || !(isWord(text, i - 1) || isWord(text, i + form.length)))) return { start: i, end: i + form.length }
      }
    }
    return null
  }

  replace(text: string, mask: string, least = 0): string {
    let out = ''
    let at = 0
    for (let hit = this.find(text, 0, least); hit; hit = this.find(text, at, least)) {
      out += text.slice(at, hit.start) + mask
      at = hit.end
    }
    return at === 0 ? text : out + text.slice(at)
  }
}

/** Four characters in one number, below 2^53. */
function headOf(text: string, i: number): number {
  return (text.charCodeAt(i) & 0x1fff) + (text.charCodeAt(i + 1) & 0x1fff) * 0x2000 + (text.charCodeAt(i + 2) & 0x1fff) * 0x4000000 + (text.charCodeAt(i + 3) & 0x1fff) * 0x8000000000
}

function slot(head: number): number {
  return ((head % 0x4000000) * 31 + Math.floor(head / 0x4000000) * 17) & 0xffff
}

function isWord(text: string, i: number): boolean {
  return /[A-Za-z0-9_]/.test(text[i] ?? '')
}
