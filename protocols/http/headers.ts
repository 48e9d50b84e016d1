import { IsthmusError } from '../../model/index.ts'

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,200}$/
/** RFC 9110 5.5: visible characters, space and tab; bytes above 127 as latin1. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** They frame the message; the client sets them itself. */
const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'te', 'trailer', 'expect', 'proxy-connection', 'http2-settings'])
const MAX_VALUE = 64 * 1024

/**
 * Throws InvalidInput, naming header and field but no value, unless every header can be sent as one line: no line breaks, NUL or other
 * control characters, no names that frame the message. `field` is that of one header, or names where all of them come from.
 */
export function checkHeaders(headers: Record<string, string>, field?: string | ((name: string) => string)): void {
  for (const [name, value] of Object.entries(headers)) {
    const fault = faultOf(name, value)
    if (fault === null) continue
    throw new IsthmusError('InvalidInput', fault, {
      field: typeof field === 'function' ? field(shown(name)) : field,
      cure: NAME.test(name) && !FRAMING.has(name.toLowerCase()) ? 'correct the value: a line break or blank copied along with it is the usual cause' : 'correct the name of the header',
    })
  }
}

function faultOf(name: string, value: string): string | null {
  if (!NAME.test(name)) return `"${shown(name)}" cannot be the name of a header`
  if (FRAMING.has(name.toLowerCase())) return `the header "${shown(name)}" is set by the client itself`
  if (value.length > MAX_VALUE) return `the value of the header "${shown(name)}" is longer than ${MAX_VALUE} characters`
  if (VALUE.test(value)) return null
  const what = /[\r\n]/.test(value) ? 'a line break' : /[^\x00-\xff]/.test(value) ? 'a character that headers cannot carry' : 'a control character'
  return `the value of the header "${shown(name)}" holds ${what}`
}

function shown(name: string): string {
  return name.slice(0, 60).replace(/[^\x20-\x7e]/g, '?')
}
