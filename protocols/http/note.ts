import type { RequestNote } from '../../model/signals.ts'

/** Tells those who measure the path as it is declared; neither host nor query, which may be declared with it. */
export function declaredAt(path: string): RequestNote {
  return { template: path.replace(/^https?:\/\/[^/]*/i, '').replace(/[?#].*$/s, '') }
}
