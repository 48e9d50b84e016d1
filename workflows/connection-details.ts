import type { ConnectionState } from './types.ts'

/** What the Temporal UI shows of a connection, in Markdown. */
export function connectionDetails(connection: string, state: ConnectionState): string {
  const tokens = Object.values(state.tokens)
  const lines = tokens.map((t) => {
    if (t.reconnect) return `- **a person has to sign in again**: ${t.reconnect.message} ${t.reconnect.cure}`
    const until = t.expiresAt ? `, valid until ${t.expiresAt}` : ''
    return `- token version ${t.version}${until}${t.refreshedAt ? `, got ${t.refreshedAt}` : ''}${t.error ? `; last refresh: ${t.error.message}` : ''}`
  })
  return [`### ${connection}`, ...(lines.length > 0 ? lines : ['No token has been asked for yet.'])].join('\n')
}
