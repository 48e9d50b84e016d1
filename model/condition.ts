import { z } from 'zod'
import { pathSchema } from './value.ts'

const parts = {
  /** Where the value stands; '' is the whole answer. With `*` in it every value found counts: one that fits is enough. */
  path: pathSchema,
  /** The value is one of these. */
  in: z.array(z.json()).optional(),
  /** The value is none of these. */
  notIn: z.array(z.json()).optional(),
  /** The value is missing, null, '', false, [] or {} (`true`), or is not (`false`). */
  empty: z.boolean().optional(),
  /** The value, as text, holds one of these, in any case. */
  contains: z.array(z.string().min(1)).optional(),
}

/** A condition on an answer, or on one result of a batch. All parts that are given must hold. */
export const conditionSchema = z.strictObject(parts)
export type Condition = z.output<typeof conditionSchema>

/** What an API says in the body of an answer, whatever its status: a sign of an error (or of none). */
export const errorRuleSchema = z.strictObject({
  ...parts,
  path: pathSchema.default(''),
  /** Only answers with one of these statuses; [] = any. */
  status: z.array(z.int().min(200).max(599)).default([]),
  /**
   * `throttled` waits (as long as `wait` says), `authRequired` gets a new token, `permission` and `refused` stop the stream, `transient` tries again,
   * `positionLost` begins the scan anew, `empty` is a page without records, `ok` is no error after all.
   */
  then: z.enum(['throttled', 'authRequired', 'permission', 'refused', 'transient', 'positionLost', 'empty', 'ok']),
  /** Where the body says why. */
  reason: pathSchema.nullable().default(null),
  /** Where the body says how many seconds to wait. */
  wait: pathSchema.nullable().default(null),
})
export type ErrorRule = z.output<typeof errorRuleSchema>
export type ErrorRuleInput = z.input<typeof errorRuleSchema>
