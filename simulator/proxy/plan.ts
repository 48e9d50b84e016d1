import { fraction } from '../data/hash.ts'
import type { ProxyOptions } from './proxy.ts'

/** `reset`: both ends get a reset; `cut`: an orderly end in the middle; `stall`: nothing more passes, then it is dropped; `late`: every piece comes late. */
export const PROXY_FAULTS = ['reset', 'cut', 'stall', 'late'] as const
export type ProxyFaultKind = (typeof PROXY_FAULTS)[number]

export interface ProxyFault {
  kind: ProxyFaultKind
  /** Whose bytes are counted: `up` from the client to the server. */
  direction: 'up' | 'down'
  afterBytes: number
  stallMs: number
  lateMs: number
}

/** The fault of the nth connection that is to have one. */
export function faultOf({ kinds = [...PROXY_FAULTS], bytes = [1_000, 200_000], stallMs = 8_000, lateMs = 150 }: ProxyOptions, seed: number, n: number): ProxyFault {
  const draw = (salt: number): number => fraction(seed ^ salt, n)
  const direction = draw(0x646972) < 0.25 ? 'up' : 'down'
  // Requests are small: what is counted in bytes must come to pass.
  const [least, most] = direction === 'up' ? [bytes[0] / 10, Math.min(bytes[1], bytes[0] * 2)] : bytes
  return { kind: kinds[Math.floor(draw(0x6b696e64) * kinds.length)]!, direction, afterBytes: Math.floor(least + draw(0x62797465) * (most - least)), stallMs, lateMs }
}
