import { z } from 'zod'
import { secretSchema, valueSchema } from './value.ts'

/** What is known of a SOAP service, as plain data. */

/** How requests are secured inside the envelope. */
export const soapSecuritySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  /** WS-Security UsernameToken Profile 1.1.1 (OASIS). */
  z.strictObject({
    kind: z.literal('usernameToken'),
    username: valueSchema,
    password: secretSchema,
    passwordType: z.enum(['text', 'digest']).default('text'),
    /** Adds a wsu:Timestamp. */
    timestamp: z.boolean().default(true),
  }),
  /** The access token of the source's `auth` in a header element: `SessionHeader` with `sessionId` (Salesforce). */
  z.strictObject({ kind: z.literal('header'), element: z.string(), field: z.string() }),
  /** Token-based authentication of NetSuite (`tokenPassport`), HMAC-SHA256. */
  z.strictObject({
    kind: z.literal('tokenPassport'),
    account: valueSchema,
    consumerKey: secretSchema,
    consumerSecret: secretSchema,
    token: secretSchema,
    tokenSecret: secretSchema,
  }),
])
export type SoapSecurity = z.output<typeof soapSecuritySchema>

/** The service of a source. */
export const soapServiceSchema = z.strictObject({
  /** The WSDL: a file relative to the project, or an address. */
  wsdl: valueSchema,
  /** Names in the WSDL; '' takes the first. */
  service: z.string().default(''),
  port: z.string().default(''),
  security: soapSecuritySchema.default({ kind: 'none' }),
  /** Header elements of every request, by name. */
  headers: z.json().nullable().default(null),
})
export type SoapService = z.output<typeof soapServiceSchema>

/** One call: the operation's name, its arguments as the WSDL names them. `{...}` in texts is filled in as in a body. */
export const soapCallSchema = z.strictObject({
  operation: z.string().min(1),
  args: z.json().default({}),
  /** Header elements of this call. */
  headers: z.json().nullable().default(null),
})
export type SoapCall = z.output<typeof soapCallSchema>
