import { z } from 'zod'
import { durationMs } from './duration.ts'

/** A duration above zero, as text: `30s`, `15m`, `1h`, `1d`. */
export const durationSchema = z.string().refine((v) => {
  try {
    return durationMs(v) > 0
  } catch {
    return false
  }
}, 'must be a duration such as 30s, 15m, 1h or 1d')
