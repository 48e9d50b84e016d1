import type { OperationDefinitionNode, VariableDefinitionNode } from 'graphql/language/ast.js'
import type { GraphqlCall } from '../../model/graphql.ts'
import { parseDocument } from './parse.ts'

/** What is wrong with a call, and where: `query`, `variables.x`. null: nothing that can be known without the API's schema. */
export function problemOf({ query, operationName, variables }: GraphqlCall, kind: 'query' | 'mutation', sent: readonly string[]): { field: string; problem: string; cure: string } | null {
  const parsed = parseDocument(query, operationName)
  if ('problem' in parsed) return { field: 'query', ...parsed }
  const { operation } = parsed
  if (operation.operation !== kind) {
    return { field: 'query', problem: `the operation is a ${operation.operation}`, cure: kind === 'query' ? 'a stream reads: write a query' : 'an action writes: write a mutation' }
  }
  const declared = declarations(operation)
  const names = [...declared.keys()].map((n) => `$${n}`).join(', ')
  const unknown = [...Object.keys(variables), ...sent].find((name) => !declared.has(name))
  if (unknown !== undefined) {
    return { field: Object.hasOwn(variables, unknown) ? `variables.${unknown}` : 'query', problem: `the query declares no variable $${unknown}`, cure: names === '' ? `declare it: query (${`$${unknown}: String`}) { ... }` : `declare it beside ${names}` }
  }
  const missing = [...declared].find(([name, d]) => d.type.kind === 'NonNullType' && !d.defaultValue && !(name in variables) && !sent.includes(name))
  if (missing) return { field: 'variables', problem: `nothing fills the variable $${missing[0]}`, cure: `give it in \`variables\`, or a default value in the query` }
  return null
}

function declarations(operation: OperationDefinitionNode): Map<string, VariableDefinitionNode> {
  return new Map((operation.variableDefinitions ?? []).map((d) => [d.variable.name.value, d]))
}
