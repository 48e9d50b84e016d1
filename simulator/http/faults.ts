import { fraction } from '../data/hash.ts'
import type { SimulatorConfig } from '../options.ts'
import type { Answer } from './answer.ts'
import { errorAnswer } from './answer.ts'
import type { FaultKind } from './fault-kinds.ts'

/** The fault of data request `number` (from 1), or null. The same seed, chances and number give the same fault. */
export function faultOf(config: SimulatorConfig, number: number): FaultKind | null {
  const placed = config.faultAt[`${number}`]
  if (placed) return placed
  let left = fraction(config.seed ^ 0x6661756c, number)
  for (const kind of Object.keys(config.faults).sort() as FaultKind[]) {
    left -= config.faults[kind] ?? 0
    if (left < 0) return kind
  }
  return null
}

/** The answer of a `status:...` fault, or null for the kinds that spoil a body. */
export function statusFault(kind: FaultKind, config: SimulatorConfig): { answer: Answer; announcedMs: number } | null {
  const m = /^status:(\d{3})(:retry-after)?$/.exec(kind)
  if (!m) return null
  const headers: Record<string, string> = m[2] ? { 'Retry-After': `${config.faultRetryAfterSeconds}` } : {}
  return { answer: errorAnswer(Number(m[1]), 'simulated_fault', `simulated ${m[1]}`, headers), announcedMs: m[2] ? config.faultRetryAfterSeconds * 1000 : 0 }
}
