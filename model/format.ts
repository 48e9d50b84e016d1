import { z } from 'zod'
import { pathSchema } from './value.ts'

/** How bodies are written. Records of every format are objects; values of CSV and XML are texts, which the mapping's casts read. */

const letter = z.string().length(1, 'must be one character')
/** Name of a character set (WHATWG Encoding); '' takes what the answer says: header, XML prolog, byte order mark, else UTF-8. */
const charset = z
  .string()
  .refine((name) => {
    try {
      return name === '' || new TextDecoder(name) !== null
    } catch {
      return false
    }
  }, "must be the name of a character set, such as 'windows-1252' or 'utf-16le'")
  .default('')

const json = z.strictObject({ kind: z.literal('json') })
/** One JSON value a line. */
const ndjson = z.strictObject({ kind: z.literal('ndjson') })
const csv = z.strictObject({
  kind: z.literal('csv'),
  delimiter: letter.default(','),
  quote: letter.default('"'),
  /** The first line names the columns. */
  header: z.boolean().default(true),
  /** Names of the columns, instead of the header's. */
  columns: z.array(z.string()).nullable().default(null),
  /** Lines before the header that are left out. */
  skip: z.int().nonnegative().default(0),
  charset,
})
const xml = z.strictObject({
  kind: z.literal('xml'),
  /** Elements that are lists although there may be one or none: names, or paths from the root. The stream's `records` always is one. */
  lists: z.array(pathSchema).default([]),
  /** Written before the names of attributes. */
  attributes: z.string().default('@'),
  /** Name of an element's text beside attributes. */
  text: z.string().default('#text'),
  /** `strip` leaves prefixes out of names. */
  namespaces: z.enum(['strip', 'keep']).default('strip'),
  charset,
})

const full = z.discriminatedUnion('kind', [json, ndjson, csv, xml])
/** A format with its options, or its name alone. */
export const formatSchema = z.union([z.enum(['json', 'ndjson', 'csv', 'xml']).transform((kind) => full.parse({ kind })), full], {
  error: "must be 'json', 'ndjson', 'csv', 'xml', or one of them with options: { kind: 'csv', delimiter: ';' }",
})
export type Format = z.output<typeof full>
export type FormatInput = z.input<typeof formatSchema>
export type CsvFormat = Extract<Format, { kind: 'csv' }>
export type XmlFormat = Extract<Format, { kind: 'xml' }>

/** How the body of a request is written: JSON, a form (RFC 1866), XML (one root element), or the text as it is. */
export const bodyFormatSchema = z.enum(['json', 'form', 'xml', 'text'])
export type BodyFormat = z.output<typeof bodyFormatSchema>
