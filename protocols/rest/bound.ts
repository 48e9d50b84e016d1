import { IsthmusError } from '../../model/index.ts'
import type { FieldIncrement } from '../../model/index.ts'

/** Stands for an upper bound that there is not, in requests that always want one. */
export const FAR = '9999-12-31T00:00:00.000Z'

const DATE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i

/** Epoch ms (NaN when it is none) of a watermark: ISO text (no zone means UTC; cut to the millisecond, so that a lower bound stays one) or epoch digits. */
export function epochMs(text: string): number {
  const m = DATE.exec(text.trim())
  if (m) {
    const zone = (m[3] ?? 'Z').replace(/^([+-]\d{2}):?(\d{2})?$/, (_all, h: string, min?: string) => `${h}:${min ?? '00'}`)
    const time = (m[2] ?? '00:00').replace(/(\.\d{3})\d+$/, '$1')
    return Date.parse(`${m[1]}T${time}${zone.toUpperCase()}`)
  }
  if (!/^-?\d{1,16}(\.\d+)?$/.test(text.trim())) return NaN
  const value = Number(text)
  return Math.floor(Math.abs(value) >= 1e11 ? value : value * 1000)
}

/** A lower bound as the API wants it written. Throws InvalidInput when it is no time and the format needs one. */
export function renderBound(since: string, format: FieldIncrement['format']): string {
  if (format === 'same') return since
  const ms = epochMs(since)
  if (Number.isNaN(ms)) {
    throw new IsthmusError('InvalidInput', `the bound ${JSON.stringify(since.slice(0, 40))} is not a time, so it cannot be written as ${format}`, {
      field: 'from.incremental.format',
      cure: "use format 'same', or a field that holds times",
    })
  }
  switch (format) {
    case 'iso':
      return new Date(ms).toISOString()
    case 'local':
      return new Date(ms).toISOString().slice(0, -1)
    case 'date':
      return new Date(ms).toISOString().slice(0, 10)
    case 'epoch':
      return String(Math.floor(ms / 1000))
    case 'epochMs':
      return String(ms)
  }
}
