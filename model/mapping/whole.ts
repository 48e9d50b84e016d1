import type { z } from 'zod'
import type { Column } from '../plan.ts'
import { CastError } from './cast/error.ts'
import type { CastOptions } from './cast/compile.ts'
import { bridge, runZod, ZodFault } from './check.ts'
import type { Bridge } from './check.ts'
import { encoderOf } from './cell.ts'
import type { ColumnModel } from './cell.ts'
import { NULL } from './copy.ts'
import { Fixed } from './fields-mapper.ts'
import { rejectOf } from './reject.ts'
import type { Reject } from './reject.ts'

/** Conditions over several fields (`z.object({...}).refine(...)`): every record goes through the whole model. */
export function hasRefinements(model: z.ZodObject): boolean {
  return (model._zod.def.checks?.length ?? 0) > 0
}

export interface WholeModel {
  /** Gives the row, or the rejection. `values` in the order of the columns. */
  row(values: readonly unknown[], paths: readonly string[]): string | Reject
}

/** Compiles the way of a record through the whole model. */
export function compileWhole(columns: readonly Column[], models: readonly ColumnModel[], model: z.ZodObject, options: readonly CastOptions[]): WholeModel {
  const ways: Bridge[] = columns.map((c, i) => bridge(c, models[i]!, options[i]!))
  const fixedWays: Bridge[] = columns.map((c, i) => bridge(c, models[i]!, { exactNumbers: true }))
  const encoders = columns.map(encoderOf)
  const names = columns.map((c) => c.name)
  return {
    row(values, paths) {
      let at = 0
      try {
        const input: Record<string, unknown> = {}
        for (at = 0; at < names.length; at++) {
          const raw = values[at]
          const value = raw instanceof Fixed ? fixedWays[at]!.toZod(raw.value) : ways[at]!.toZod(raw)
          if ((value === null || value === undefined) && !columns[at]!.nullable) throw new CastError('is missing')
          if (value !== undefined) Object.defineProperty(input, names[at]!, { value, enumerable: true, configurable: true, writable: true })
        }
        at = -1
        const output = runZod(model, input, 1) as Record<string, unknown>
        let row = ''
        for (at = 0; at < names.length; at++) {
          const raw = values[at]
          const text = raw instanceof Fixed ? fixedWays[at]!.fromZod(output[names[at]!], raw.value) : ways[at]!.fromZod(output[names[at]!], raw)
          if (text === null && !columns[at]!.nullable) throw new CastError('is missing')
          row += `${at === 0 ? '' : '\t'}${text === null ? NULL : encoders[at]!(text)}`
        }
        return `${row}\n`
      } catch (error) {
        if (at === -1 && error instanceof ZodFault) at = names.indexOf(String(error.path[0] ?? ''))
        return rejectOf(error, names[at] ?? '', paths[at] ?? '')
      }
    },
  }
}
