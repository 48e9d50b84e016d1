import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import type { ConnectionInput, ConnectionState } from './types.ts'
import { dayAndTime, errorLines, verbatim } from './words.ts'

/** Shows a connection in the Temporal UI, and by its search attribute when that has changed. */
export function showConnection(input: ConnectionInput, state: ConnectionState): () => void {
  let phase = phaseOf(input.carried)
  return () => {
    setCurrentDetails(connectionDetails(input.connection, state))
    const now = phaseOf(state)
    if (input.searchAttributes && now !== phase) upsertSearchAttributes({ IsthmusPhase: [now] })
    phase = now
  }
}

/** As in the connection's health. */
function phaseOf(state: ConnectionState | null): 'ok' | 'needsReconnect' {
  return Object.values(state?.tokens ?? {}).some((t) => t.reconnect) ? 'needsReconnect' : 'ok'
}

/** How the tokens of a connection stand, and what to do. */
export function connectionDetails(connection: string, state: ConnectionState): string {
  const tokens = Object.values(state.tokens)
  const away = tokens.some((t) => t.reconnect)
  const time = (iso: string): string => `**${dayAndTime(Date.parse(iso))}**`
  const lines = tokens.flatMap((t) => {
    const by = t.ask ? `, asked for by the sync \`${t.ask.sync}\`` : ''
    if (t.reconnect) return [`Since **${dayAndTime(t.toldAt)}** no token can be had${by}. Streams that need one are parked, and keep their place.`, '', ...errorLines(t.reconnect, 'Streams that were parked for it: `isthmus retry`, if they do not go on by themselves.')]
    const until = t.expiresAt ? `, valid until ${time(t.expiresAt)}` : ''
    return [`- token version ${t.version}${t.issuedAt ? `, got ${time(t.issuedAt)}` : ''}${until}${by}${t.error ? `; the last refresh failed and is tried again when somebody asks: ${verbatim(t.error.message)}` : ''}`]
  })
  return [
    `### connection ${connection}: ${away ? 'a person has to sign in again' : 'ok'}`,
    ...(lines.length > 0 ? lines : ['No token has been asked for yet.']),
    ...(away ? [] : ['', 'What to do: nothing. Tokens that are in use are renewed by themselves; this workflow ends when nobody asks for a while, and the next one who asks starts it again.']),
  ].join('\n')
}
