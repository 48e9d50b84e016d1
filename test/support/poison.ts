/** Records of which some are poison, as JSON text: much of it cannot be written by JSON.stringify. */
export interface Poisoned {
  /** Body of the record. */
  text: string
  kind: string
  /** The row that the strict mapping makes; null when it must set the record aside. */
  strict: Row | null
  /** The row that the corrected mapping makes; null when the record cannot be saved. */
  fixed: Row | null
}

export type Row = { id: string; big: string; name: string; amount: string; ratio: string | null; day: string | null; payload: number | null }

const KINDS = ['nul', 'surrogate', 'big', 'huge', 'large', 'type', 'key', 'twice', 'date', 'constraint', 'cut'] as const

/** `count` records; every hundredth is poison, of each kind in turn. */
export function poisoned(count: number): Poisoned[] {
  return Array.from({ length: count }, (_, i): Poisoned => {
    const good: Row = { id: String(i + 1), big: String(9_007_199_254_740_993n + BigInt(i)), name: `name ${i}`, amount: `${i}.10`, ratio: '0.5', day: '2026-01-02', payload: null }
    const text = (more: Record<string, string> = {}): string => {
      const fields: Record<string, string> = { id: good.id, big: good.big, name: JSON.stringify(good.name), amount: good.amount, ratio: good.ratio!, day: `"${good.day}"`, ...more }
      return `{${Object.entries(fields).flatMap(([k, v]) => (v === '' ? [] : [`"${k}":${v}`])).join(',')}}`
    }
    if (i % 100 !== 99) return { text: text(), kind: 'good', strict: good, fixed: good }
    const kind = KINDS[Math.floor(i / 100) % KINDS.length]!
    const bad = (more: Record<string, string>, fix: Partial<Row>): Poisoned => ({ text: text(more), kind, strict: null, fixed: { ...good, ...fix } })
    switch (kind) {
      case 'nul':
        return bad({ name: '"a\\u0000b"' }, { name: 'ab' })
      case 'surrogate':
        return bad({ name: '"x\\ud83dy"' }, { name: 'x\ufffdy' })
      case 'huge':
        return bad({ ratio: '1e400' }, { ratio: null })
      case 'type':
        return bad({ amount: '"many"' }, { amount: '0.00' })
      case 'key':
        return bad({ id: '', ref: good.id }, {})
      case 'date':
        return bad({ day: '"0000-00-00"' }, { day: null })
      case 'constraint':
        return bad({ name: '"forbidden"' }, { name: 'allowed' })
      case 'cut':
        return { text: text({ amount: '"many"', payload: JSON.stringify('c'.repeat(5_000_000)) }), kind, strict: null, fixed: null }
      // Fine by design.
      case 'large':
        return { text: text({ payload: JSON.stringify('p'.repeat(5_000_000)) }), kind, strict: { ...good, payload: 5_000_000 }, fixed: { ...good, payload: 5_000_000 } }
      case 'twice': {
        // The same key as the record before, with other values: the later one counts.
        const before = { ...good, id: String(i) }
        return { text: text({ id: before.id }), kind, strict: before, fixed: before }
      }
      case 'big':
        return { text: text({ big: '9007199254740993' }), kind, strict: { ...good, big: '9007199254740993' }, fixed: { ...good, big: '9007199254740993' } }
    }
  })
}
