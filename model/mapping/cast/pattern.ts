import { IsthmusError } from '../../errors.ts'
import type { Moment } from './moment.ts'
import { parseOffset } from './zone.ts'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** Letters of a pattern, longest first, with what they match. */
const LETTERS: Record<string, string> = {
  yyyy: '(\\d{4})', MMM: '([A-Za-z]{3})', MM: '(\\d\\d)', M: '(\\d\\d?)', dd: '(\\d\\d)', d: '(\\d\\d?)',
  HH: '(\\d\\d)', H: '(\\d\\d?)', hh: '(\\d\\d)', h: '(\\d\\d?)', mm: '(\\d\\d)', ss: '(\\d\\d)', a: '([AaPp][Mm])',
  XXX: '(Z|[+-]\\d\\d(?::?\\d\\d)?)',
}
const TOKEN = /'([^']*)'|yyyy|MMM|MM|M|dd|d|HH|H|hh|h|mm|ss|S+|XXX|a|[A-Za-z]+|[^A-Za-z']+/g

const cache = new Map<string, (text: string) => Moment | null>()

/**
 * Compiles a pattern: yyyy MM M MMM (Jan) dd d HH H hh h a (am/pm) mm ss S.. (fraction of as many digits) XXX (Z or +02:00);
 * other letters stand in single quotes. The reader gives null when a text does not match. Throws InvalidInput.
 */
export function patternReader(pattern: string): (text: string) => Moment | null {
  let reader = cache.get(pattern)
  if (!reader) {
    reader = compile(pattern)
    cache.set(pattern, reader)
  }
  return reader
}

function compile(pattern: string): (text: string) => Moment | null {
  const groups: string[] = []
  let source = ''
  for (const match of pattern.matchAll(TOKEN)) {
    const token = match[0]
    if (match[1] !== undefined) source += escape(match[1])
    else if (LETTERS[token] !== undefined || /^S+$/.test(token)) {
      groups.push(token)
      source += LETTERS[token] ?? `(\\d{${token.length}})`
    } else if (/[A-Za-z]/.test(token)) {
      throw bad(pattern, `"${token}" is not known`)
    } else source += escape(token)
  }
  if (groups.length === 0) throw bad(pattern, 'it has no letters')
  if (new Set(groups.map((g) => g[0])).size !== groups.length) throw bad(pattern, 'a part occurs twice')
  if (groups.includes('a') !== groups.some((g) => g[0] === 'h')) throw bad(pattern, 'h and a belong together')
  const re = new RegExp(`^${source}$`)
  const hasTime = groups.some((g) => /^[Hh]/.test(g))
  return (text) => {
    const match = re.exec(text)
    if (!match) return null
    const m: Moment = { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, fraction: '', offset: null, dateOnly: !hasTime, wall: false }
    let half = ''
    for (let i = 0; i < groups.length; i++) half = assign(m, groups[i]!, match[i + 1]!) || half
    if (half !== '') {
      if (m.hour < 1 || m.hour > 12) return null
      m.hour = (m.hour % 12) + (half === 'p' ? 12 : 0)
    }
    return m
  }
}

function assign(m: Moment, group: string, text: string): string {
  switch (group.charAt(0)) {
    case 'y': m.year = Number(text); break
    case 'M': m.month = group === 'MMM' ? MONTHS.indexOf(text.toLowerCase()) + 1 : Number(text); break
    case 'd': m.day = Number(text); break
    case 'H': case 'h': m.hour = Number(text); break
    case 'm': m.minute = Number(text); break
    case 's': m.second = Number(text); break
    case 'S': m.fraction = text.slice(0, 6); break
    case 'X': m.offset = parseOffset(text); break
    default: return text.charAt(0).toLowerCase()
  }
  return ''
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}

function bad(pattern: string, why: string): IsthmusError {
  return new IsthmusError('InvalidInput', `"${pattern}" is not a pattern of a date or time: ${why}`, {
    cure: "use yyyy MM dd HH mm ss SSS and XXX (offset), with other letters in single quotes, or 'iso', 'epoch', 'epochMs'",
  })
}
