/** Rows of a PostgreSQL query, in the order of its key. */
export { readQuery } from './read.ts'
export { SINCE } from './text.ts'
