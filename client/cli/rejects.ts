import { Command } from 'commander'
import type { Reject, RejectDetail, RetryResult } from '../../model/rejects.ts'
import { Isthmus } from '../isthmus.ts'
import { action, projectOption } from './action.ts'
import { EXIT, n, plain, table, type Output } from './output.ts'
import { ensureStack } from './stack.ts'

interface Options {
  json?: boolean
  project: string
}

async function connected<R>(output: Output, options: Options, worker: boolean, body: (isthmus: Isthmus) => Promise<R>): Promise<R> {
  const stack = await ensureStack(options.project, output, { worker })
  const isthmus = new Isthmus({ projectDir: options.project })
  try {
    return await body(isthmus)
  } finally {
    await isthmus.close()
    await stack.stop()
  }
}

/** `isthmus rejects ...`: records that were set aside. */
export function rejectsCommand(): Command {
  const command = new Command('rejects').description('records that were set aside: look at them, send them again after a fix, or give them up')
  for (const make of [listCommand, showCommand, retryCommand, dropCommand]) command.addCommand(make())
  return command
}

function listCommand(): Command {
  return new Command('list')
    .description('open rejects, newest first')
    .argument('[of]', 'id of a sync or of a run; all syncs by default')
    .option('--stream <name>', 'only of this stream')
    .option('--field <name>', 'only those whose reason is about this column')
    .option('--all', 'also those delivered, dropped or superseded')
    .option('--limit <n>', 'how many', (v) => Math.max(1, Number.parseInt(v, 10) || 50), 50)
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, of: string | undefined, options: Options & { stream?: string; field?: string; all?: boolean; limit: number }) =>
        connected(output, options, false, async (isthmus) => {
          const { stream, field, all, limit } = options
          const { rejects, total } = await isthmus.rejects.list({ of, stream, field, all, limit })
          if (options.json) output.json({ total, rejects })
          else if (total === 0) output.out(`no ${all ? '' : 'open '}rejects`)
          else {
            output.out(table([['id', 'sync', 'stream', 'run', 'state', 'tries', 'reason'], ...rejects.map(row)]))
            if (total > rejects.length) output.err(output.color.dim(`${n(rejects.length)} of ${n(total)}; --limit shows more`))
          }
          return EXIT.ok
        }),
      ),
    )
}

function row(r: Reject): string[] {
  const reason = `${r.reason}${r.cut ? ' (cut: cannot be sent again)' : ''}`.replace(/\s+/g, ' ')
  return [r.id, r.sync, r.stream, r.run, r.state, String(r.tries), reason.length > 100 ? `${reason.slice(0, 99)}…` : reason]
}

function showCommand(): Command {
  return new Command('show')
    .description('one reject: where it comes from, why it was set aside, and the record as the source gave it')
    .argument('<id>', 'id of the reject, for example r17')
    .option('--json', 'one JSON line; `raw` is the text of the record')
    .addOption(projectOption())
    .action(
      action((output, id: string, options: Options) =>
        connected(output, options, false, async (isthmus) => {
          const reject = await isthmus.rejects.get(id)
          if (options.json) output.json(reject)
          else show(output, reject)
          return EXIT.ok
        }),
      ),
    )
}

function show(output: Output, r: RejectDetail): void {
  const facts = [
    ['reject', `${r.id}, ${r.state}${r.note ? `: ${r.note}` : ''}`],
    ['from', `${r.sync}, stream ${r.stream}, run ${r.run}, chunk ${r.seq}, ${r.index < 0 ? `row ${-r.index}` : `record ${r.index + 1}`}`],
    ['reason', r.reason],
    ...(r.field ? [['field', r.field]] : []),
    ['set aside', r.at.toISOString()],
    ['tries', `${r.tries}${r.changedAt ? `, last change ${r.changedAt.toISOString()}` : ''}`],
    ...(r.kind === 'row' ? [['kept', 'the mapped row: the source\'s record could not be found again']] : []),
    ...(r.cut ? [['kept', 'not whole (longer than 4 MiB, or it held a credential): it cannot be sent again']] : []),
  ]
  output.out(table(facts))
  output.out('')
  output.out(plain(r.raw))
}

function retryCommand(): Command {
  return new Command('retry')
    .description('map open rejects with the mapping as it is now and deliver those that fit; no request to the source')
    .argument('<what...>', 'id of a sync, or ids of rejects')
    .option('--stream <name>', 'only of this stream of the sync')
    .option('--dry-run', 'change nothing, and tell what would happen')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .addHelpText('after', '\nExit code: 0 all delivered, 3 some were set aside again, 2 refused, 1 failed.')
    .action(
      action((output, what: string[], options: Options & { stream?: string; dryRun?: boolean }) =>
        connected(output, options, true, async (isthmus) => {
          const stop = new AbortController()
          const interrupt = (): void => stop.abort()
          process.once('SIGINT', interrupt)
          const results = await isthmus.rejects.retry(what, { dry: options.dryRun === true, signal: stop.signal, ...(options.stream && { stream: options.stream }) }).finally(() => process.off('SIGINT', interrupt))
          if (options.json) output.json({ dryRun: options.dryRun === true, ...sum(results), syncs: results })
          else for (const r of results) output.out(told(output, r, options.dryRun === true))
          return results.some((r) => r.kept + r.cut > 0) ? EXIT.rejects : EXIT.ok
        }),
      ),
    )
}

function sum(results: RetryResult[]): Omit<RetryResult, 'sync'> {
  const total = { tried: 0, delivered: 0, kept: 0, superseded: 0, filtered: 0, cut: 0, inserted: 0, updated: 0, unchanged: 0 }
  for (const r of results) for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += r[key]
  return total
}

function told(output: Output, r: RetryResult, dry: boolean): string {
  if (r.tried + r.cut === 0) return `${plain(r.sync)}: no open rejects`
  const parts = [
    output.color.green(`${n(r.delivered)} ${dry ? 'would be delivered' : 'delivered'}`) + ` (${n(r.inserted)} inserted, ${n(r.updated)} updated, ${n(r.unchanged)} unchanged)`,
    ...(r.kept ? [output.color.yellow(`${n(r.kept)} still do not fit`)] : []),
    ...(r.superseded ? [`${n(r.superseded)} superseded: the table has a newer version`] : []),
    ...(r.filtered ? [`${n(r.filtered)} left out by the mapping`] : []),
    ...(r.cut ? [output.color.yellow(`${n(r.cut)} not tried: only part of the record was kept`)] : []),
  ]
  return `${plain(r.sync)}: ${parts.join('; ')}${r.kept ? `\nreasons: isthmus rejects list ${plain(r.sync)}` : ''}`
}

function dropCommand(): Command {
  return new Command('drop')
    .description('give rejects up on purpose; they stay listed with --all for 90 days')
    .argument('<id...>', 'ids of rejects')
    .option('--note <text>', 'why', '')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, ids: string[], options: Options & { note: string }) =>
        connected(output, options, false, async (isthmus) => {
          const dropped = await isthmus.rejects.drop(ids, options.note)
          const not = ids.filter((id) => !dropped.includes(id))
          if (options.json) output.json({ dropped, notOpen: not })
          else {
            output.out(`dropped: ${dropped.join(', ') || 'none'}`)
            if (not.length > 0) output.err(`not open: ${not.map(plain).join(', ')}`)
          }
          return not.length > 0 ? EXIT.failed : EXIT.ok
        }),
      ),
    )
}
