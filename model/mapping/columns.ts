import type { z } from 'zod'
import { at, IsthmusError } from '../errors.ts'
import type { Column } from '../plan.ts'
import { analyse } from './analyse.ts'
import type { FieldInfo } from './analyse.ts'

/**
 * The columns of a model, in its order and under its names. See `analyse` for the types; a field that is optional,
 * nullable or has a default may be null. Throws InvalidInput naming the field when the model cannot be read.
 */
export function columnsOf(model: z.ZodObject): Column[] {
  return Object.entries(fieldsOf(model)).map(([name, { type, nullable, checked }]) => ({ name, type, nullable, checked }))
}

/** What every field of a model says, by name. */
export function fieldsOf(model: z.ZodObject): Record<string, FieldInfo> {
  const def = (model as { _zod?: { def?: { type?: string } } } | null | undefined)?._zod?.def
  if (def?.type !== 'object') {
    throw new IsthmusError('InvalidInput', 'the model is not a zod object', { field: 'model', cure: 'write model: z.object({ ... }), with zod 4' })
  }
  const entries = Object.entries(model.shape)
  if (entries.length === 0) throw new IsthmusError('InvalidInput', 'the model has no fields', { field: 'model', cure: 'add the fields you need' })
  const fields: Record<string, FieldInfo> = Object.create(null) as Record<string, FieldInfo>
  for (const [name, schema] of entries) {
    try {
      fields[name] = analyse(schema)
    } catch (error) {
      throw at(error, { field: `model.${name}` })
    }
  }
  return fields
}
