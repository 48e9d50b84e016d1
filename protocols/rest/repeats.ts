/** Pages in a row with the same first and last record after which an API is taken not to page at all. */
const MOST_KEYED = 3
/** Records without a key may well be alike. */
const MOST_UNKEYED = 25

/** Tells when numbered pages have become one page, again and again: the API ignores the parameter, or gives its last page for ever. */
export function createRepeats(keyed: boolean): (records: unknown[]) => boolean {
  const most = keyed ? MOST_KEYED : MOST_UNKEYED
  let last = ''
  let times = 0
  return (records) => {
    if (records.length === 0) return false
    const ends = JSON.stringify([records.length, records[0], records[records.length - 1]])
    times = ends === last ? times + 1 : 0
    last = ends
    return times >= most
  }
}
