export { sync } from './sync.ts'
export { stream } from './stream.ts'
export * from './messages.ts'
