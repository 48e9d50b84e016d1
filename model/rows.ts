import { z } from 'zod'
import { durationSchema } from './duration-schema.ts'

/** Streams that are no API: rows of a query, records of a file. */

export const sqlSchema = z.strictObject({
  /** The query, without bounds and order: they are put around it. `{since}` becomes a bind parameter. */
  text: z.string().min(1, 'a query needs a text'),
  /** Columns of the result that identify a row, none of them null: rows are read in their order. */
  key: z.array(z.string().min(1)).min(1, 'a query needs a key, by which it is read in order and goes on'),
  /** Longest time that the database may work on it. */
  timeout: durationSchema.default('10m'),
})
export type SqlPlan = z.output<typeof sqlSchema>

export const fileSchema = z.strictObject({
  /** The staged file of JSON lines, relative to the project. */
  path: z.string().regex(/^\.isthmus\/posts\/[0-9a-f]{32}\.jsonl$/, 'must be a staged file'),
  /** The connector whose declared action the records are for. */
  connector: z.string(),
  action: z.string(),
  /** The action has a model, which says what the columns are. */
  modelled: z.boolean(),
})
export type FilePlan = z.output<typeof fileSchema>

/** A line of a staged file that holds no record. */
export interface UnreadableLine {
  $unreadable: string
  $line: number
  $text: string
}
