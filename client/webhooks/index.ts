export { Webhooks } from './webhooks.ts'
export type { Received } from './webhooks.ts'
