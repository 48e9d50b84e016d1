import { textAt } from './extract.ts'
import type { Made } from './records.ts'

/** What records, whose fields nobody knows, cannot be asked. */
const UNKNOWN = Symbol('unknown')
type Operand = string | number | boolean | null | typeof UNKNOWN
type Test = (record: Made) => Operand

const TOKEN = /\s*(?:((?:datetime|datetimeoffset|guid|time)?'(?:[^']|'')*'|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?|-?\d+(?:\.\d+)?[dfmL]?|[A-Za-z_][\w/.]*|[(),]))/y
const COMPARED = new Set(['eq', 'ne', 'gt', 'ge', 'lt', 'le'])

/**
 * Compiles `$filter` (OData 2: 4.5; OData 4.01 URL conventions: 5.1.1): comparisons, `and`, `or`, `not`, parentheses. Functions, and fields that the
 * records lack, hold for every record. Throws a message for what is no filter.
 */
export function compileFilter(text: string): (record: Made) => boolean {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  for (let at = 0; at < text.trimEnd().length; at = TOKEN.lastIndex) {
    const found = TOKEN.exec(text)
    if (!found) throw new Error(`syntax error at position ${at} of $filter`)
    tokens.push(found[1]!)
  }
  let i = 0
  const expect = (token: string): void => {
    if (tokens[i++] !== token) throw new Error(`${token} is missing in $filter`)
  }
  const chain = (word: string, inner: () => Test, join: (a: boolean, b: boolean) => boolean): (() => Test) => () => {
    let left = inner()
    while (tokens[i] === word) {
      i += 1
      const [a, b] = [left, inner()]
      left = (r) => join(holds(a(r)), holds(b(r)))
    }
    return left
  }
  const operand = (): Test => {
    const token = tokens[i++]
    if (token === undefined) throw new Error('$filter ends too early')
    if (token === '(') {
      const inner = or()
      expect(')')
      return inner
    }
    if (token === 'not') {
      const inner = compared()
      return (r) => !holds(inner(r))
    }
    if (tokens[i] === '(') {
      for (let depth = 0; i < tokens.length; ) {
        depth += tokens[i] === '(' ? 1 : tokens[i] === ')' ? -1 : 0
        i += 1
        if (depth === 0) break
      }
      return () => UNKNOWN
    }
    if (!/^[A-Za-z_][\w/.]*$/.test(token) || ['true', 'false', 'null'].includes(token)) return () => literal(token)
    return (r) => textAt(r, token.replaceAll('/', '.')) ?? UNKNOWN
  }
  const compared = (): Test => {
    const left = operand()
    const op = tokens[i]
    if (op === undefined || !COMPARED.has(op)) return left
    i += 1
    const right = operand()
    return (r) => compare(left(r), op, right(r))
  }
  const and = chain('and', compared, (a, b) => a && b)
  const or = chain('or', and, (a, b) => a || b)
  const test = or()
  if (i < tokens.length) throw new Error(`unexpected ${tokens[i]} in $filter`)
  return (record) => holds(test(record))
}

const holds = (value: Operand): boolean => value !== false && value !== 'false'

function literal(token: string): Operand {
  const quoted = /^[a-z]*'(.*)'$/s.exec(token)
  if (quoted) return quoted[1]!.replaceAll("''", "'")
  return token === 'null' ? null : token === 'true' ? true : token === 'false' ? false : token.replace(/[dfmL]$/, '')
}

function compare(a: Operand, op: string, b: Operand): Operand {
  if (a === UNKNOWN || b === UNKNOWN) return UNKNOWN
  const [x, y] = [ordered(a), ordered(b)]
  const order = typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0
  return { eq: order === 0, ne: order !== 0, gt: order > 0, ge: order >= 0, lt: order < 0, le: order <= 0 }[op]!
}

/** Times and numbers by their value. Times without a zone are UTC. */
function ordered(value: Exclude<Operand, symbol>): number | string {
  const text = String(value)
  if (/^\d{4}-\d\d-\d\d/.test(text)) return Date.parse(/T/.test(text) && !/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? `${text}Z` : text)
  const date = /^\/Date\((-?\d+)/.exec(text)
  return date ? Number(date[1]) : text !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}
