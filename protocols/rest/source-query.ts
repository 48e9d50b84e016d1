import type { Stream, Value } from '../../model/index.ts'
import { hasQuery, setQuery } from '../http/index.ts'
import type { HttpTarget } from '../http/index.ts'
import { isSecretName } from '../../model/redact/index.ts'
import type { Redactor } from '../../model/redact/index.ts'

export interface SourceValues {
  /**
   * Text of a value for a header or parameter of that name; what comes from the environment or the vault is kept out of messages. From the
   * environment come secrets as well as account numbers: one whose name does not tell stays in records.
   */
  text(value: Value | number | boolean, name: string): string
  /** Query parameters that may stand in a stored address. */
  readonly plain: ReadonlyMap<string, string[]>
  /** Names of those that may not, since they count as credentials. */
  readonly secretNames: readonly string[]
  /** Adds the secret ones; only after the origin was checked. */
  sign(target: HttpTarget): void
}

/** Resolves the query parameters of a source; later ones replace earlier ones of their name. */
export function sourceValues(queries: Stream['query'][], resolve: (value: Value) => string, redactor: Redactor): SourceValues {
  const secret = new Map<string, string[]>()
  const plain = new Map<string, string[]>()
  // Settings of a connection are no secrets; everything else that stands elsewhere counts as one.
  const hidden = (value: unknown): boolean => typeof value === 'object' && value !== null && !('setting' in value) && !('template' in value)
  const text = (value: Value | number | boolean, name: string): string => {
    if (typeof value !== 'object') return String(value)
    const resolved = resolve(value)
    if (hidden(value)) redactor.add(resolved, 'env' in value && !isSecretName(name) ? 'internal' : 'secret')
    return resolved
  }
  for (const [name, value] of queries.flatMap((query) => Object.entries(query))) {
    const values = [value].flat()
    const kept = values.some(hidden) ? secret : plain
    plain.delete(name)
    secret.delete(name)
    kept.set(name, values.map((v) => text(v, name)))
  }
  return {
    text,
    plain,
    secretNames: [...secret.keys()],
    sign(target) {
      for (const [name, values] of secret) if (!hasQuery(target.url, name)) setQuery(target.url, name, values)
    },
  }
}
