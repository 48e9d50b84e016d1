import type { Position } from './run.ts'

/** A place that the API may forget: cursors, addresses, searches and jobs do lapse, page numbers and times do not. */
export function lapses(position: Position | null): boolean {
  switch (position?.kind) {
    case 'cursor':
    case 'url':
    case 'search':
    case 'job':
    case 'range':
      return true
    case 'window':
      return lapses(position.at)
    case 'parent':
      return lapses(position.at) || lapses(position.in)
    case 'page':
    case 'offset':
    case 'row':
    case 'byte':
    case undefined:
      return false
  }
}
