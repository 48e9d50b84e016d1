export { sync } from './sync.ts'
export { stream, progressQuery } from './stream.ts'
