import { IsthmusError } from '../../model/index.ts'

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 9110 5.5: visible characters, spaces and tabs, and what bytes above ASCII stand for. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Throws InvalidInput, naming the header and never its value, when one could not be sent or would add lines to the request. */
export function checkHeaders(headers: Record<string, string>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!NAME.test(name)) throw wrong(name.slice(0, 60), 'its name holds characters that are not allowed')
    if (VALUE.test(value)) continue
    throw wrong(name, /[\r\n]/.test(value) ? 'its value holds a line break' : 'its value holds characters that are not allowed')
  }
}

function wrong(name: string, what: string): IsthmusError {
  return new IsthmusError('InvalidInput', `the header ${JSON.stringify(name)} cannot be sent: ${what}`, { field: 'from.headers', cure: 'correct the value it is filled from' })
}
