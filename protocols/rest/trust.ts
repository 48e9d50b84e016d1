import { referenceOf } from '../../model/index.ts'
import type { Source, Value } from '../../model/index.ts'
import { originOf } from '../http/index.ts'
import type { AddressPolicy } from '../http/index.ts'

/**
 * Which addresses of a source may be private ones: those that stand in the plan or in the environment, because the author or the operator
 * wrote them. What a customer typed into the settings of a connection is never among them.
 */
export function addressPolicy(source: Source, resolve: (value: Value) => string): AddressPolicy {
  const literal = new Set<string>()
  const add = (value: unknown): void => {
    if (!isOurs(value)) return
    try {
      literal.add(originOf(resolve(value)))
    } catch {
      // A relative address leads to the base URL; a wrong one is told of where it is used.
    }
  }
  add(source.baseUrl)
  for (const origin of source.origins) add(origin)
  for (const [name, value] of Object.entries(source.auth)) if (/url$/i.test(name)) add(value)
  return { literal, privateNetwork: source.privateNetwork }
}

function isOurs(value: unknown): value is Value {
  const reference = referenceOf(value)
  return typeof value === 'string' || (reference !== null && 'env' in reference)
}
