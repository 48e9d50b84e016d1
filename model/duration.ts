import { IsthmusError } from './errors.ts'

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** A number and a unit. */
export const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$/

/** Milliseconds of a duration such as `500ms`, `10s`, `15m`, `1h`, `1d`, `2w`. Throws InvalidInput. */
export function durationMs(text: string): number {
  const match = DURATION.exec(text.trim())
  if (!match) {
    throw new IsthmusError('InvalidInput', `"${text}" is not a duration`, { cure: 'write a number and a unit, for example 30s, 15m, 1h or 1d' })
  }
  return Math.round(Number(match[1]) * (UNITS[match[2]!] ?? 0))
}

/** A short human form of a number of milliseconds: `850 ms`, `12.3 s`, `4 min 10 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const s = Math.round(ms / 1000)
  if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ''}`
  const m = Math.round(s / 60)
  return `${Math.floor(m / 60)} h${m % 60 ? ` ${m % 60} min` : ''}`
}
