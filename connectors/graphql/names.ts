import { IsthmusError } from '../../model/errors.ts'
import { GRAPHQL_NAME } from '../../model/graphql.ts'
import type { Arg, Json } from './types.ts'

const TYPE = /^\[*[_A-Za-z][_0-9A-Za-z]*(?:!?\])*!?$/

/** A name by GraphQL's grammar. Throws InvalidInput naming the place. */
export function checkName(name: unknown, field: string): string {
  if (typeof name === 'string' && GRAPHQL_NAME.test(name)) return name
  throw new IsthmusError('InvalidInput', `${JSON.stringify(name)?.slice(0, 60)} is no name of GraphQL`, { field, cure: 'use letters, digits and _, with arguments in `args`' })
}

/** A type such as `[ID!]!`. Throws InvalidInput naming the place. */
export function checkType(type: unknown, field: string): string {
  const open = typeof type === 'string' ? type.split('[').length : 0
  if (typeof type === 'string' && TYPE.test(type) && open === type.split(']').length) return type
  throw new IsthmusError('InvalidInput', `${JSON.stringify(type)?.slice(0, 60)} is no type of GraphQL`, { field, cure: "write it as the API's documentation does: 'ID!', '[String!]', 'OrderInput!'" })
}

/** Type and value of an argument. A value that holds a placeholder may be unknown, so its type is nullable. */
export function argument(given: Arg, field: string): { type: string; value: Json | undefined } {
  if (typeof given === 'string') return { type: /\{[^{}]+\}/.test(given) ? 'String' : 'String!', value: given }
  if (typeof given === 'boolean') return { type: 'Boolean!', value: given }
  if (typeof given === 'number') return { type: Number.isInteger(given) && Math.abs(given) < 2 ** 31 ? 'Int!' : 'Float!', value: given }
  if (given === null || typeof given !== 'object' || Array.isArray(given) || typeof given.type !== 'string') {
    throw new IsthmusError('InvalidInput', 'an argument that is no text, number or flag needs its type', { field, cure: "write { type: 'OrderInput!', value: ... }" })
  }
  return { type: checkType(given.type, `${field}.type`), value: given.value }
}
