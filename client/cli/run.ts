import { Command } from 'commander'
import type { RunReceipt } from '../../model/run.ts'
import type { RunHandle } from '../handle.ts'
import { Isthmus } from '../isthmus.ts'
import { interruption } from './interrupt.ts'
import { ensureStack } from './stack.ts'
import { EXIT, plain, type Output } from './output.ts'
import { jsonReceipt, summary } from './receipt.ts'
import { ProgressView } from './progress.ts'
import { action, projectOption } from './action.ts'

/** `isthmus run <sync>`: starts a run, shows it, ends with its receipt. */
export function runCommand(): Command {
  return new Command('run')
    .description('run a sync now and follow it to its end')
    .argument('<sync>', 'id of the sync: its path below syncs/, for example acme/invoices')
    .option('--stream <name...>', 'only these streams of the sync')
    .option('--tenant <name>', 'for this tenant: with its connection and tables; the same as <sync>@<tenant>')
    .option('--idempotency-key <key>', 'start it once for this key (24 hours): a second call follows the run of the first')
    .option('--from-start', 'read from the beginning instead of where an interrupted run stopped')
    .option('--detach', 'start the run and return at once')
    .option('--no-check', 'start without looking at destination, credentials and first page before')
    .option('--json', 'one JSON line with outcome, run id, counts, requests, waits and UI address at the end')
    .addOption(projectOption())
    .addHelpText('after', '\nExit code: 0 complete, 1 failed, 2 refused before anything was started, 3 complete with rejected records, 4 parked (waits for you: isthmus retry, skip or approve), 130 cancelled.')
    .action(
      action(async (output, id: string, options: { stream?: string[]; tenant?: string; idempotencyKey?: string; fromStart?: boolean; detach?: boolean; check: boolean; json?: boolean; project: string }) => {
        let handle: RunHandle | null = null
        let told = false
        const early = (): void => void (options.json && !told && output.json({ outcome: 'cancelled', run: handle?.run ?? null, sync: id }))
        const stop = interruption(() => output.err('stopping; what is committed stays. Ctrl-C again leaves at once.'), early)
        const isthmus = new Isthmus({ projectDir: options.project })
        let stack: Awaited<ReturnType<typeof ensureStack>> | null = null
        try {
          stack = await ensureStack(options.project, output)
          stop.signal.throwIfAborted()
          handle = await isthmus.syncs.start(id, { check: options.check, fromStart: options.fromStart === true, signal: stop.signal, ...(options.stream && { streams: options.stream }), ...(options.tenant !== undefined && { tenant: options.tenant }), ...(options.idempotencyKey !== undefined && { idempotencyKey: options.idempotencyKey }) })
          if (started(handle, output, options.detach === true && !stack.temporary, options.json === true)) return EXIT.ok
          if (options.detach) output.err('the run is followed: what works on it ends with this command. Start `isthmus dev` to use --detach')
          const code = await follow(handle, output, options.json === true, stop.signal)
          told = true
          if (stack.temporary && handle.uiUrl) output.err(output.color.dim('the Temporal UI ends with this command: start `isthmus dev` to open the run in it'))
          return code
        } catch (error) {
          if (handle || !stop.signal.aborted) throw error
          early()
          return EXIT.cancelled
        } finally {
          await isthmus.close()
          await stack?.stop()
          stop.end()
        }
      }),
    )
}

/** Tells that a run has started; gives whether the command leaves it to itself. */
export function started(handle: RunHandle, output: Output, detach: boolean, json: boolean): boolean {
  output.err(`run ${output.color.bold(handle.run)} of ${plain(handle.sync)}${handle.uiUrl ? `\n${output.color.dim(handle.uiUrl)}` : ''}`)
  if (detach && json) output.json({ outcome: 'running', run: handle.run, workflowId: handle.workflowId, ui: handle.uiUrl })
  return detach
}

/** Follows a run to its end; the signal cancels it. */
export async function follow(handle: RunHandle, output: Output, json: boolean, signal: AbortSignal): Promise<number> {
  const view = new ProgressView(output)
  const began = Date.now()
  const cancel = (): void => void handle.cancel().catch((error: unknown) => output.err(String(error)))
  if (signal.aborted) cancel()
  else signal.addEventListener('abort', cancel, { once: true })
  try {
    const tell = (message: string): void => output.err(output.color.yellow(message))
    for await (const event of handle.progress(undefined, tell)) view.show(event)
    const receipt = await handle.result(tell)
    view.done()
    output.err('')
    output.err(summary(receipt, output, Date.now() - began))
    if (json) output.json(jsonReceipt(receipt, handle, Date.now() - began))
    return exitCode(receipt)
  } finally {
    view.done()
    signal.removeEventListener('abort', cancel)
  }
}

export function exitCode(receipt: RunReceipt): number {
  if (receipt.outcome === 'cancelled') return EXIT.cancelled
  if (receipt.outcome === 'failed' || receipt.outcome === 'skipped') return EXIT.failed
  if (receipt.outcome === 'parked') return EXIT.parked
  return receipt.total.rejected > 0 ? EXIT.rejects : EXIT.ok
}
