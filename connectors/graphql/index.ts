/** Queries and mutations of GraphQL, written from selections and checked. */
export { problemOf } from './check.ts'
export { writeMutation } from './mutation.ts'
export { draftStream, inVariables, relay, writeStream } from './streams.ts'
export { checkCut, nestedOfDocument } from './written.ts'
export type * from './types.ts'
