import type { Closed, PageStop, Permit } from '../../model/index.ts'
import type { Call } from './call.ts'

/** Waits until one request may be sent. Gives the stop when that takes longer than 10 s. */
export async function enter(call: Call, signal: AbortSignal): Promise<Permit | { stop: PageStop }> {
  const entry = await pacerOf(call).enter(signal)
  return 'release' in entry ? entry : { stop: stopOfClosed(entry) }
}

/** The account's pacer, or the connection's own when there is no store. */
export function pacerOf(call: Call): NonNullable<Call['options']['pacer']> {
  return call.options.pacer ?? call.options.reader.connection.gate
}

/** An account that is closed, as a stop. */
export function stopOfClosed({ kind, untilMs, reason, type, opening }: Closed): PageStop {
  return kind === 'down' ? { kind: 'interrupted', type, reason, untilMs, opening } : { kind: 'throttled', untilMs, reason }
}
