import type { Value } from '../../model/index.ts'
import type { Redactor } from '../http/index.ts'

/** Text of a value; when it is a secret by its kind (environment or vault), it is registered for redaction. A setting is none: the name of an account must stay readable. */
export function secretText(value: Value, { resolve, http }: { resolve(value: Value): string; http: { redactor: Redactor } }): string {
  const text = resolve(value)
  if (typeof value === 'object' && ('env' in value || 'credential' in value)) http.redactor.add(text)
  return text
}

/** A PEM as it stands in a file: `.env` files write its line breaks out. Registered for redaction in both forms. */
export function pemText(text: string, redactor: Redactor): string {
  const pem = text.replaceAll('\\n', '\n')
  redactor.add(text)
  redactor.add(pem)
  return pem
}

/** Claims of a plan as text. `iat` and `exp` stay ours: they have to fit the life of the token. */
export function claimsOf({ claims }: { claims: Record<string, Value> }, { resolve }: { resolve(value: Value): string }): Record<string, string> {
  return Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, resolve(value)]))
}

/** The certificate that goes with a key; null when there is none. */
export function certificateOf({ certificate }: { certificate: Value | null }, { resolve }: { resolve(value: Value): string }): string | null {
  return certificate === null ? null : resolve(certificate)
}
