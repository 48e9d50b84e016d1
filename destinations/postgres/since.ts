import { durationMs } from '../../model/duration.ts'
import type { StreamPlan } from '../../model/plan.ts'
import { fieldIncrementOf } from '../../model/source.ts'
import { pathKeys } from '../../model/value.ts'
import { earlier, parseTime } from './time-text.ts'

/** Lower bound of a new scan: the watermark less the overlap, else the start; null reads everything. */
export function lowerBound(plan: StreamPlan, watermark: string | null): string | null {
  const { incremental } = plan.stream
  if (!incremental || plan.mode === 'replace') return null
  if (incremental.kind !== 'field') return watermark
  if (watermark === null) return incremental.start || null
  return incremental.overlap === '' ? watermark : lessOverlap(plan, watermark, durationMs(incremental.overlap))
}

function lessOverlap(plan: StreamPlan, watermark: string, ms: number): string {
  const time = parseTime(watermark)
  if (time) return earlier(time, ms)
  const epoch = /^(\d+)(\.\d+)?$/.exec(watermark)
  if (!epoch || !isTime(plan)) return watermark
  // Epoch times of 12 digits and more count milliseconds: in seconds they would lie behind the year 5138.
  const inMs = epoch[1]!.length >= 12
  const less = BigInt(epoch[1]!) - BigInt(inMs ? ms : Math.ceil(ms / 1000))
  return less < 0n ? '0' : `${less}${epoch[2] ?? ''}`
}

/** True when numbers in the incremental field are times: by the bound's format, or by the column that it fills. */
function isTime({ stream, mapping, columns }: StreamPlan): boolean {
  const incremental = fieldIncrementOf(stream)
  if (incremental?.format !== 'same') return incremental !== null
  if (mapping.kind !== 'fields') return false
  const path = pathKeys(incremental.field).join('\0')
  const filled = Object.entries(mapping.fields).filter(([, rule]) => rule.path !== null && pathKeys(rule.path).join('\0') === path)
  return filled.some(([name]) => ['timestamp', 'localTimestamp', 'date'].includes(columns.find((c) => c.name === name)?.type.kind ?? ''))
}
