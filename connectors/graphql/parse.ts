import { GraphQLError } from 'graphql/error/GraphQLError.js'
import type { DocumentNode, FragmentDefinitionNode, OperationDefinitionNode } from 'graphql/language/ast.js'
import { parse } from 'graphql/language/parser.js'

/** A document and the operation of it that is meant. */
export interface Parsed {
  document: DocumentNode
  operation: OperationDefinitionNode
  fragments: ReadonlyMap<string, FragmentDefinitionNode>
}

/** Parses a document. Gives what is wrong with it as a sentence, with line and column, when it cannot be sent as it is. */
export function parseDocument(query: string, operationName: string | null): Parsed | { problem: string; cure: string } {
  let document: DocumentNode
  try {
    document = parse(query, { maxTokens: 20_000 })
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
    const at = error.locations?.[0]
    return { problem: `${error.message}${at ? ` (line ${at.line}, column ${at.column})` : ''}`, cure: 'correct the query' }
  }
  const operations = document.definitions.filter((d): d is OperationDefinitionNode => d.kind === 'OperationDefinition')
  const named = operationName === null ? operations : operations.filter((o) => o.name?.value === operationName)
  const names = operations.map((o) => o.name?.value).filter((n) => n !== undefined).join(', ')
  if (named.length === 0) return { problem: operationName === null ? 'the document holds no operation' : `the document holds no operation "${operationName}"`, cure: names === '' ? 'write query { ... }' : `name one of ${names}` }
  if (named.length > 1) return { problem: `the document holds ${named.length} operations`, cure: `name the one that is meant: operationName: '${names.split(', ')[0]}'` }
  const fragments = new Map(document.definitions.filter((d): d is FragmentDefinitionNode => d.kind === 'FragmentDefinition').map((d) => [d.name.value, d]))
  return { document, operation: named[0]!, fragments }
}
