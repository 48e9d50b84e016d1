import type { LiveProgress } from '../../model/ports.ts'
import { plain } from './output.ts'

/** What a stream does or waits for, in words; `until` shows a time. */
export function phaseText({ phase, wait }: LiveProgress, until: (time: string) => string): string {
  const reason = wait?.reason ? plain(wait.reason) : ''
  if (phase === 'parked' || phase === 'paused') return reason === '' ? phase : `${phase}: ${reason}`
  return wait ? `waiting until ${until(wait.until)}: ${reason}` : phase
}
