import { workflowInfo } from '@temporalio/workflow'
import type { Position, RunError } from '../model/run.ts'
import { grouped } from './counts.ts'

/** Where a chunk begins, in words: `from page 12`, `from record 4,000`; cursors and links mean nothing to a reader. */
export function beginsAt(position: Position | null, read: number): string {
  if (position === null) return 'from the beginning'
  if (position.kind === 'page') return `from page ${position.page}`
  if (position.kind === 'window') return `from ${position.from.slice(0, 19)} up to ${position.to.slice(0, 19)}`
  if (position.kind === 'job') return position.ready ? 'of the report' : 'whether the report is ready'
  if (position.kind === 'row') return `behind the row ${position.key.join(', ').slice(0, 60)}`
  if (position.kind === 'offset') return `from record ${grouped(position.offset)}`
  return read > 0 ? `after ${grouped(read)} records` : 'from where the last run stopped'
}

/** The cause of a wait without the address that met it, so that one cause has one name. */
export function cause(reason: string): string {
  return reason.replace(/^[A-Z]+ \S+: /, '').slice(0, 200)
}

/** `90 s`, `12 min`, `5 h`, `7 days`: as exact as a reader of a wait needs it. */
export function inWords(ms: number): string {
  if (ms < 120_000) return `${Math.ceil(ms / 1000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} days`
}

/** Time of day as the Temporal UI shows it in UTC; with the date when it is another day. */
export function clock(until: number, now: number): string {
  const [day, time] = new Date(until).toISOString().split('T') as [string, string]
  return `${day === new Date(now).toISOString().slice(0, 10) ? '' : `${day} `}${time.slice(0, 8)} UTC`
}

/** `2026-11-28 07:35:10 UTC`: for what may be read days later. */
export function dayAndTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** `page` for one, `pages` for more. */
export function plural(n: number, what: string): string {
  return n === 1 ? what : `${what}s`
}

/** `**1** page`, `**2** pages`. */
export function many(n: number, what: string): string {
  return `**${grouped(n)}** ${plural(n, what)}`
}

/**
 * What others have said, as they said it. The Temporal UI shows Markdown: it would make links of addresses, other quotes of quotes, and whatever else
 * the text of an API happens to mean there. Addresses and bodies become code; of the rest what could mean something is escaped.
 */
export function verbatim(text: string): string {
  const parts = text.split(/(`[^`]*`|https?:\/\/\S*[^\s:;,.)]|\{[^]*\}|\[[^]*\]|<[^]*>)/)
  return parts.map((part, i) => (i % 2 === 0 ? part.replace(/[\\*_[\]<>#|~!]/g, '\\$&') : `\`${part.replace(/[`\s]+/g, (m) => (/\s/.test(m) ? ' ' : ''))}\``)).join('')
}

/** A cause of a wait for somebody who does not know how limits work. */
export function because(reason: string, connection: string): string {
  const account = `connection \`${connection}\``
  const header = /^HTTP \d{3}, ([\w-]+)$/.exec(reason)
  if (header) return `the API of ${account} has asked for this pause (${reason})`
  const allowance = /^the allowance of this account(.*)$/.exec(reason)
  if (allowance) return `the requests that the limits of ${account} allow are used up for now${verbatim(allowance[1]!)}`
  if (reason === 'requests under way at once') return `as many requests are under way as ${account} may have at once`
  return verbatim(reason)
}

/** An error with its cure and what else can be done; a sentence each. */
export function errorLines(error: RunError, more = ''): string[] {
  const cure = error.cure === '' ? '' : `${verbatim(error.cure)}${/[.!?]$/.test(error.cure) ? '' : '.'}`
  const todo = [cure, more].filter(Boolean).join(' ')
  return [`What failed: **${error.type}**: ${verbatim(error.message)}`, '', ...(error.field ? [`Where in the sync: \`${error.field}\``, ''] : []), ...(todo ? [`What to do: ${todo}`, ''] : [])]
}

/** A workflow of this namespace, as a link to its page. */
export function linked(workflowId: string): string {
  return `[${workflowId}](/namespaces/${encodeURIComponent(workflowInfo().namespace)}/workflows/${encodeURIComponent(workflowId)})`
}
