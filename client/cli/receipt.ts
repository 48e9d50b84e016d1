import { formatDuration } from '../../model/duration.ts'
import type { RunReceipt } from '../../model/run.ts'
import type { RunHandle } from '../handle.ts'
import { n, plain, table, type Output } from './output.ts'

/** The machine's form of a receipt: one line, stable names. */
export function jsonReceipt(receipt: RunReceipt, handle: Pick<RunHandle, 'run' | 'workflowId' | 'uiUrl'>, ms: number): Record<string, unknown> {
  const posted = (c: RunReceipt['total']): number => c.inserted + c.updated + c.unchanged + c.deleted
  return {
    outcome: receipt.outcome,
    run: handle.run,
    sync: receipt.sync,
    workflowId: handle.workflowId,
    seconds: Number((ms / 1000).toFixed(3)),
    streams: Object.fromEntries(
      receipt.streams.map((s) => [
        s.stream,
        { outcome: s.outcome, resumed: s.resumed, ...s.counts, mapped: s.counts.read - s.counts.filtered - s.counts.rejected, posted: posted(s.counts), waits: s.waits, tokenRefreshes: s.tokenRefreshes, error: s.error },
      ]),
    ),
    total: { ...receipt.total, mapped: receipt.total.read - receipt.total.filtered - receipt.total.rejected, posted: posted(receipt.total) },
    requests: receipt.total.requests,
    waits: { count: receipt.streams.reduce((a, s) => a + s.waits.count, 0), ms: receipt.streams.reduce((a, s) => a + s.waits.ms, 0) },
    ui: handle.uiUrl,
  }
}

/** The receipt as a person likes to read it. */
export function summary(receipt: RunReceipt, output: Output, ms: number): string {
  const c = output.color
  const head = receipt.outcome === 'completed' ? c.green('complete') : receipt.outcome === 'failed' ? c.red('failed') : c.yellow(receipt.outcome)
  const rows = [
    ['stream', 'read', 'inserted', 'updated', 'unchanged', 'filtered', 'rejected', 'pages', 'requests'],
    ...receipt.streams.map((s) => [s.stream, ...[s.counts.read, s.counts.inserted, s.counts.updated, s.counts.unchanged, s.counts.filtered, s.counts.rejected, s.counts.pages, s.counts.requests].map(n)]),
  ]
  const rate = receipt.total.read / Math.max(ms / 1000, 0.001)
  const lines = [`${head} in ${formatDuration(ms)}, ${n(Math.round(rate))} records/s`, '', table(rows, [1, 2, 3, 4, 5, 6, 7, 8]), '']
  for (const s of receipt.streams) {
    if (s.resumed) lines.push(`${s.stream}: went on where an earlier run had stopped; what that one wrote is not counted here`)
    if (s.counts.removed > 0) lines.push(`${s.stream}: removed ${n(s.counts.removed)} rows that are no longer at the source`)
    if (s.tokenRefreshes > 0) lines.push(`${s.stream}: signed in ${s.tokenRefreshes} time${s.tokenRefreshes > 1 ? 's' : ''}`)
    for (const [reason, times] of Object.entries(s.waits.reasons)) lines.push(`${s.stream}: waited ${times > 1 ? `${times} times, ` : ''}${formatDuration(s.waits.ms)}: ${plain(reason)}`)
    if (s.error) lines.push(c.red(`${s.stream}: ${[s.error.field, plain(s.error.message)].filter(Boolean).join(': ')}. Cure: ${s.error.cure || 'see the run in the Temporal UI'}`))
    if (s.outcome === 'parked') lines.push(c.yellow(`${s.stream}: parked, with its place kept; then: isthmus retry ${receipt.sync}${s.error?.type === 'Implausible' ? `, or isthmus approve ${receipt.sync}` : ''}, or isthmus skip ${receipt.sync}`))
  }
  const t = receipt.total
  const balance = t.read === t.inserted + t.updated + t.unchanged + t.deleted + t.filtered + t.rejected
  lines.push(balance ? c.dim(`receipt: every one of the ${n(t.read)} records read is accounted for`) : c.red('receipt: the counts do not add up'))
  return lines.join('\n')
}
