/** Bodies of answers and requests in their formats. */
export { createDecoder } from './decode.ts'
export type { Decode } from './decode.ts'
export { jsonOr } from './json-or.ts'
export { encodeBody } from './encode.ts'
export { toUtf8 } from './charset.ts'
export { acceptOf, expects } from './accept.ts'
