import type { OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import type { Sweep } from './sweep.ts'
import type { Activities } from './types.ts'

/** Writes the receipt of a run and cleans up behind it: credentials, connections, old stages. */
export async function finishRun(deps: ActivityDeps, streams: OpenStreams, sweep: Sweep, { receipt, error }: Parameters<Activities['finish']>[0]): Promise<void> {
  for (const s of receipt.streams) {
    const phase = s.outcome === 'completed' ? 'done' : s.outcome
    await deps.store.saveProgress(receipt.run, { stream: s.stream, phase, counts: s.counts })
    const level = s.outcome === 'failed' ? 'error' : 'info'
    await deps.store.log({ run: receipt.run, stream: s.stream, level, message: `${s.outcome}: ${s.counts.read} records read, ${s.counts.rejected} rejected${s.error ? `; ${s.error.message}` : ''}` })
  }
  await deps.store.noteReceipt(receipt).catch(() => undefined)
  await deps.store.finishRun(receipt, error?.message ?? null)
  await deps.store.saveSettings(`run/${receipt.run}`, {})
  await streams.close(receipt.run)
  await sweep.due()
}
