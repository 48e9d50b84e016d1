/** The HTTP API of a project: `isthmus serve`. */
export { startHttpApi } from './server.ts'
export type { HttpApi, HttpApiOptions } from './server.ts'
