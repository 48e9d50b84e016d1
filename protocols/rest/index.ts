/** Reading streams of REST APIs page by page. */
export { openRest } from './reader.ts'
export type { RestOptions } from './reader.ts'
export { openConnection } from './connection.ts'
export type { Connection, ConnectionOptions } from './connection.ts'
export { readPages } from './read-pages.ts'
export type { Budget, ReadOptions, ReadResult, RequestInfo, RestReader } from './types.ts'
export { fingerprint } from './fingerprint.ts'
export { emptyBody } from './facts.ts'
