import { formsOf } from './forms.ts'
import { Matcher } from './matcher.ts'
import { byShape, isSecretName, MASK, redactUrl } from './shapes.ts'
import { redactValue } from './value.ts'

export { isSecretName, MASK, redactUrl }

/** Removes secrets from texts by value, by name and by shape. */
export interface Redactor {
  /** Registers a value that must never be shown, in all its encodings. Values below 4 characters are left out: they would blank ordinary text. */
  add(secret: string): void
  /** Text without registered values, bearer tokens, JWTs, private keys, known kinds of keys, and URL user names. */
  text(text: string): string
  /** Text without registered values of at least 12 characters only: for records of a source, which must stay as they are otherwise. */
  known(text: string): string
  /** A URL without user info, fragment and secret query values. */
  url(url: string | URL): string
  /** The same for whatever a log takes: texts inside objects and lists, values under secret names. */
  value(value: unknown): unknown
  /** The text holds a registered value. */
  holds(text: string): boolean
}

/** A secret so long does not stand in a record by chance. */
const LONG = 12
/** So many secrets are known at once: the oldest make room, which are tokens that have long run out. */
const MAX_SECRETS = 5_000

/** A redactor with its own list of registered values. */
export function createRedactor(): Redactor {
  const secrets = new Set<string>()
  let matcher = new Matcher()
  const redactor: Redactor = {
    add(secret) {
      if (secret.length < 4 || secrets.has(secret)) return
      secrets.add(secret)
      if (secrets.size > MAX_SECRETS) {
        // Half of them, so that this stays rare.
        for (const old of [...secrets].slice(0, MAX_SECRETS / 2)) secrets.delete(old)
        matcher = new Matcher()
        for (const kept of secrets) for (const form of formsOf(kept)) matcher.add(form)
        return
      }
      for (const form of formsOf(secret)) matcher.add(form)
    },
    text: (text) => byShape(matcher.replace(text, MASK)),
    known: (text) => matcher.replace(text, MASK, LONG),
    url: (url) => matcher.replace(redactUrl(url), MASK),
    value: (value) => redactValue(value, redactor.text),
    holds: (text) => matcher.find(text, 0) !== null,
  }
  return redactor
}

/** The redactor of this process: it knows every secret that was opened here. Logs, errors, progress and rejects pass through it. */
export const redactor: Redactor = createRedactor()
