import { Command, Option } from 'commander'
import { IsthmusError } from '../../../model/errors.ts'
import { isEnded, type BackfillHandle, type BackfillStartOptions } from '../../backfill/index.ts'
import type { BackfillOrder, BackfillProgress } from '../../../model/backfill.ts'
import { Isthmus } from '../../isthmus.ts'
import { action, projectOption } from '../action.ts'
import { interruption } from '../interrupt.ts'
import { EXIT, type Output } from '../output.ts'
import { canAsk, confirmed } from '../prompts.ts'
import { ensureStack } from '../stack.ts'
import { BackfillView, headline, showEstimate, stoppedLines } from './view.ts'

interface Options {
  from: string
  to?: string
  window: string
  concurrency: string
  order: BackfillOrder
  stream?: string[]
  estimate?: boolean
  check: boolean
  yes?: boolean
  detach?: boolean
  json?: boolean
  project: string
}

/** `isthmus backfill <sync> --from ...`: tells what it will cost, asks, starts, shows its windows. Ctrl-C leaves it to itself. */
export function startCommand(): Command {
  return new Command('start')
    .description('read a range of time window by window (`start` may be left out)')
    .argument('<sync>', 'id of the sync: its path below syncs/')
    .requiredOption('--from <time>', 'beginning: 2019-01-01, or a time; UTC unless it names a zone')
    .option('--to <time>', 'end: a date (that day is included) or a time (excluded); now by default')
    .option('--window <length>', 'length of a window: 7d, 1d, 12h', '7d')
    .option('--concurrency <n>', 'windows at once, 1 to 32', '4')
    .addOption(new Option('--order <order>', 'which windows come first').choices(['newest', 'oldest']).default('newest'))
    .option('--stream <name...>', 'only these streams of the sync')
    .option('--estimate', 'tell what it would cost, and start nothing')
    .option('--no-check', 'start without looking into a few windows before')
    .option('--yes', 'start without asking')
    .option('--detach', 'start it and return at once')
    .option('--json', 'one JSON line at the end')
    .addOption(projectOption())
    .addHelpText('after', EXITS)
    .action(action(async (output, id: string, options: Options) => run(output, id, options)))
}

export const EXITS = '\nExit code: 0 complete (or left running), 1 failed or windows given up, 2 refused before anything was started, 3 complete with rejected records, 4 paused or waiting for you, 130 cancelled.'

async function run(output: Output, id: string, options: Options): Promise<number> {
  const asked: BackfillStartOptions = {
    from: options.from, ...(options.to !== undefined && { to: options.to }), window: options.window, concurrency: wholeNumber(options.concurrency, '--concurrency'), order: options.order,
    ...(options.stream && { streams: options.stream }), check: options.check,
  }
  let handle: BackfillHandle | null = null
  const leave = (): void => void (handle && output.err(`left; it goes on: isthmus backfill status ${handle.id}`))
  const stop = interruption(leave, () => undefined)
  const isthmus = new Isthmus({ projectDir: options.project })
  let stack: Awaited<ReturnType<typeof ensureStack>> | null = null
  try {
    stack = await ensureStack(options.project, output)
    stop.signal.throwIfAborted()
    const estimate = await isthmus.backfills.estimate(id, { ...asked, signal: stop.signal })
    showEstimate(estimate, output)
    if (options.estimate) {
      if (options.json) output.json(estimate)
      return EXIT.ok
    }
    if (!options.yes) {
      if (!canAsk()) throw new IsthmusError('InvalidInput', 'nobody is there to agree to it', { field: '--yes', cure: 'add --yes to start it, or --estimate to look only' })
      if (!(await confirmed('Start this backfill?'))) return EXIT.cancelled
    }
    handle = await isthmus.backfills.start(id, { ...asked, check: false, signal: stop.signal })
    output.err(`backfill ${output.color.bold(handle.id)} of ${handle.sync}${handle.uiUrl ? `\n${output.color.dim(handle.uiUrl)}` : ''}`)
    if (options.detach && !stack.temporary) {
      if (options.json) output.json({ outcome: 'running', id: handle.id, workflowId: handle.workflowId, ui: handle.uiUrl, estimate: { windows: estimate.windows, records: estimate.records, calls: estimate.calls, seconds: estimate.seconds } })
      return EXIT.ok
    }
    if (stack.temporary) output.err('what works on it ends with this command, and the backfill goes on with the next one: start `isthmus dev` for one that takes long')
    return await follow(handle, output, options.json === true, stop.signal)
  } catch (error) {
    if (!stop.signal.aborted || handle) throw error
    if (options.json) output.json({ outcome: 'cancelled', id: null, sync: id })
    return EXIT.cancelled
  } finally {
    await isthmus.close()
    await stack?.stop()
    stop.end()
  }
}

/** Follows a backfill until it has ended or waits for a person. The signal leaves it to itself. */
export async function follow(handle: BackfillHandle, output: Output, json: boolean, signal: AbortSignal): Promise<number> {
  const view = new BackfillView(output)
  let last: BackfillProgress | null = null
  try {
    for await (const event of handle.progress({ signal, untilIdle: true, tell: (message) => output.err(output.color.yellow(message)) })) {
      view.show(event)
      last = event
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    view.done()
  }
  if (!last) return EXIT.ok
  if (!signal.aborted) told(last, output)
  if (json) output.json(jsonProgress(last, handle))
  return signal.aborted ? EXIT.ok : exitCode(last)
}

/** The last word about a backfill. */
export function told(p: BackfillProgress, output: Output): void {
  output.err(headline(p, output))
  for (const line of stoppedLines(p, output)) output.err(line)
  if (p.phase === 'stopped' || (p.phase === 'paused' && p.stopped.length > 0)) output.err(`correct the cause, then: isthmus backfill retry ${p.id}, or isthmus backfill skip ${p.id}`)
  if (p.phase === 'paused') output.err(`nothing is under way; go on with: isthmus backfill resume ${p.id}`)
}

export function exitCode(p: BackfillProgress): number {
  if (p.phase === 'cancelled') return EXIT.cancelled
  if (p.phase === 'failed' || p.phase === 'skipped') return EXIT.failed
  if (!isEnded(p.phase)) return p.phase === 'paused' || p.phase === 'stopped' ? EXIT.parked : EXIT.ok
  return p.counts.rejected > 0 ? EXIT.rejects : EXIT.ok
}

/** The machine's form: one line, stable names. */
export function jsonProgress(p: BackfillProgress, handle: Pick<BackfillHandle, 'workflowId' | 'uiUrl'>): Record<string, unknown> {
  const { live: _, ...progress } = p as BackfillProgress & { live?: unknown }
  return { outcome: isEnded(p.phase) ? p.phase : p.phase === 'paused' || p.phase === 'stopped' ? p.phase : 'running', ...progress, workflowId: handle.workflowId, ui: handle.uiUrl }
}

export function wholeNumber(text: string, field: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new IsthmusError('InvalidInput', `"${text.slice(0, 40)}" is no whole number`, { field, cure: 'give a whole number from 1 to 32' })
  return Number(text)
}
