/** Changes (letters added, left out, replaced, or swapped with their neighbour) that make one text of the other. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, before[j - 2]! + 1)
    }
    before = last
    last = row
  }
  return last[b.length]!
}

/** The known name a person may have meant, in any case; undefined when none is close. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase().slice(0, 200)
  let best: string | undefined
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const k of known) {
    const other = k.toLowerCase()
    // The last part of a path alone is close too.
    const d = other.endsWith(`/${wanted}`) ? 1 : distance(wanted, other)
    if (d < least) [best, least] = [k, d]
  }
  return best
}

/** What to do about a name that is not known: the one that may be meant, and the first ten of the list. */
export function useOneOf(name: string, names: readonly string[]): string {
  const known = [...new Set(names)]
  const close = nearest(name, known)
  return `${close === undefined ? '' : `did you mean ${close}? Else `}use one of ${known.slice(0, 10).join(', ')}${known.length > 10 ? ', ...' : ''}`
}
