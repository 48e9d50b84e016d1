import { KnownValues } from './known.ts'
import type { Sensitivity } from './known.ts'
import { redactValue } from './objects.ts'
import { byShape, MASK } from './shapes.ts'
import { redactUrl } from './url.ts'

export { isSecretName, MASK } from './shapes.ts'
export { redactUrl } from './url.ts'
export type { Sensitivity } from './known.ts'

/** Removes secrets from texts by value, by name and by shape. */
export interface Redactor {
  /**
   * Registers a value that must never be shown, in plain, escaped, URL, form, base64 and hex form. Below 4 characters it is left out, from
   * 4 to 7 it counts as a whole word only: else ordinary text would be blanked. The 20,000 values last added are kept. `internal` values
   * are hidden in messages but not by `known`.
   */
  add(secret: string, sensitivity?: Sensitivity): void
  /** Text without registered values, and without what looks like a secret by its name or shape: for messages and logs. */
  text(text: string): string
  /** A URL without user info, fragment and secret query values. */
  url(url: string | URL): string
  /** A copy of any value for a log, with bounds on depth and size. */
  value(value: unknown): unknown
  /** Text without registered secrets of at least 12 characters, else unchanged: for data of users. */
  known(text: string): string
  /** The text holds a registered value. */
  holds(text: string): boolean
}

/** Lines of a key that stand alone are as secret as the whole. */
const KEY_LINE = 32

/** A redactor with its own list of registered values. */
export function createRedactor(): Redactor {
  const values = new KnownValues()
  const byValue = (text: string, onlySecrets: boolean): string => {
    let out = ''
    let from = 0
    for (let found = values.find(text, 0, onlySecrets); found; found = values.find(text, from, onlySecrets)) {
      out += text.slice(from, found.start) + MASK
      from = found.end
    }
    return from === 0 ? text : out + text.slice(from)
  }
  const text = (t: string): string => byShape(byValue(t, false))
  return {
    add(secret, sensitivity = 'secret') {
      values.add(secret, sensitivity)
      if (!secret.includes('PRIVATE KEY-----')) return
      for (const line of secret.split(/\r?\n|\\n/)) if (line.length >= KEY_LINE && !line.startsWith('-----')) values.add(line.trim(), sensitivity)
    },
    text,
    url: (url) => byValue(redactUrl(url), false),
    value: (value) => redactValue(value, text),
    known: (t) => byValue(t, true),
    holds: (t) => values.find(t, 0) !== null,
  }
}

/** The redactor of this process: it knows every secret that was opened here. Logs, errors, progress and rejects pass through it. */
export const redactor: Redactor = createRedactor()
