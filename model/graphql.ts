import { z } from 'zod'

/** A name by the grammar of GraphQL (https://spec.graphql.org/October2021/#Name). */
export const GRAPHQL_NAME = /^[_A-Za-z][_0-9A-Za-z]*$/
const name = z.string().regex(GRAPHQL_NAME, 'a name of GraphQL has letters, digits and _ only, and does not begin with a digit')

/** An operation of a GraphQL API: what is sent as `{ query, operationName, variables }`. */
export const graphqlCallSchema = z.strictObject({
  /** The document. It is sent as it stands: nothing is filled in, values are variables. */
  query: z.string().min(1, 'must be a document of GraphQL'),
  /** Which of the document's operations is meant. */
  operationName: name.nullable().default(null),
  /** Values of the variables; placeholders are filled in as in a body. */
  variables: z.record(name, z.json()).default({}),
})
export type GraphqlCall = z.output<typeof graphqlCallSchema>
export type GraphqlCallInput = z.input<typeof graphqlCallSchema>
