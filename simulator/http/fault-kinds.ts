/** What can go wrong with one answer, beside an error status (`status:503`, `status:503:retry-after`). */
export const BODY_FAULTS = [
  'slow', 'hang', 'reset', 'reset-after-head', 'cut', 'cut-chunked', 'truncated-gzip', 'garbage-html', 'garbage-json', 'wrong-length', 'empty-body',
] as const
export type BodyFault = (typeof BODY_FAULTS)[number]
/** `status:503` and `status:503:retry-after` (which adds a Retry-After), any status from 400 to 599, or a body fault. */
export type FaultKind = BodyFault | `status:${number}` | `status:${number}:retry-after`

const ALIASES: Record<string, FaultKind> = { garbage: 'garbage-html', truncatedGzip: 'truncated-gzip', wrongLength: 'wrong-length', emptyBody: 'empty-body' }

/** The kind a text names, or null. */
export function faultKind(text: string): FaultKind | null {
  if ((BODY_FAULTS as readonly string[]).includes(text)) return text as BodyFault
  if (/^status:[45]\d\d(:retry-after)?$/.test(text)) return text as FaultKind
  return ALIASES[text] ?? null
}
