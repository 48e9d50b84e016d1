import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow'
import type { ConnectionInput, ConnectionState } from './types.ts'

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

function connectionDetails(connection: string, state: ConnectionState): string {
  const lines = Object.values(state.tokens).map((t) => {
    if (t.reconnect) return `- **a person has to sign in again**: ${t.reconnect.message} ${t.reconnect.cure}`
    const by = t.ask ? `, asked for by ${t.ask.sync}` : ''
    const until = t.expiresAt ? `, valid until ${t.expiresAt}` : ''
    return `- token version ${t.version}${t.issuedAt ? `, got ${t.issuedAt}` : ''}${until}${by}${t.error ? `; last refresh: ${t.error.message}` : ''}`
  })
  return [`### ${connection}`, ...(lines.length > 0 ? lines : ['No token has been asked for yet.'])].join('\n')
}
