import type { ActionInput } from '../../model/action.ts'
import { pathKeys } from '../../model/value.ts'
import { Writer } from './document.ts'
import { checkName } from './names.ts'
import { addPath, leaf, treeOf } from './selection.ts'
import type { MutationOptions } from './types.ts'

/** The action of a mutation. It is a success when the result is there and its list of user errors is empty. Throws InvalidInput naming the field. */
export function writeMutation(name: string, { field: given, args, select, userErrors, id, idempotency, lookup, ...options }: Omit<MutationOptions, 'key'>): ActionInput {
  const place = `to.action(${JSON.stringify(name)})`
  const field = checkName(given ?? name, `${place}.field`)
  const tree = select === undefined ? leaf() : treeOf(select, `${place}.select`)
  if (id !== undefined) addPath(tree, id, `${place}.id`)
  if (userErrors !== undefined) for (const part of ['field', 'message']) if (!hasFields(tree, userErrors)) addPath(tree, `${userErrors}.${part}`, `${place}.userErrors`)
  const writer = new Writer(place)
  const text = `${field}${writer.args(args)}${tree.children.size === 0 ? '' : ` ${writer.body(tree)}`}`
  const result = ['data', field]
  return {
    name,
    graphql: writer.call('mutation', name, text),
    success: userErrors === undefined ? { path: result, empty: false } : { path: [...result, ...pathKeys(userErrors)], in: [[], null] },
    ...(userErrors === undefined ? {} : { reason: [...result, ...pathKeys(userErrors), '0', 'message'] }),
    ...(id === undefined ? {} : { id: [...result, ...pathKeys(id)] }),
    ...(idempotency === undefined || idempotency === null ? {} : { idempotency: inVariables(idempotency) }),
    ...(lookup === undefined ? {} : { lookup: lookUp(lookup) }),
    ...options,
  }
}

/** The key of a delivery is a variable, or a field inside one: `input.clientMutationId`. */
function inVariables(idempotency: NonNullable<ActionInput['idempotency']>): NonNullable<ActionInput['idempotency']> {
  const { field } = idempotency
  return field === undefined || field.startsWith('variables.') ? idempotency : { ...idempotency, field: `variables.${field}` }
}

function lookUp({ query, variables, ...rest }: NonNullable<MutationOptions['lookup']>): ActionInput['lookup'] {
  return { ...rest, method: 'POST', graphql: { query, variables: (variables ?? {}) as never } }
}

function hasFields(tree: ReturnType<typeof leaf>, path: string): boolean {
  const found = pathKeys(path).reduce<ReturnType<typeof leaf> | undefined>((at, key) => at?.children.get(key), tree)
  return found !== undefined && found.children.size > 1 && !['field', 'message'].every((p) => found.children.has(p))
}
