import type { GraphqlCall } from '../../model/index.ts'

/** `{ query, operationName, variables }` (https://graphql.github.io/graphql-over-http/draft/#sec-Request-Parameters) with what goes `beside` it. The document is sent as it stands. */
export function graphqlBody({ query, operationName }: GraphqlCall, beside: unknown, variables: unknown): unknown {
  return { ...(beside as object | null), query, ...(operationName === null ? {} : { operationName }), variables }
}
