import type { Connector } from '../define.ts'
import { hubspot } from './hubspot.ts'
import { netsuite } from './netsuite.ts'
import { quickbooks } from './quickbooks.ts'
import { salesforce } from './salesforce.ts'
import { stripe } from './stripe.ts'

export { hubspot, netsuite, quickbooks, salesforce, stripe }
/** Systems whose ways to sign in, streams and actions Isthmus knows. Written from the vendors' documentation; not one was called from here. */
export const catalogue: readonly Connector[] = [hubspot, netsuite, quickbooks, salesforce, stripe]
