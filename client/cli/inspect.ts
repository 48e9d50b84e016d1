import { Command } from 'commander'
import type { Isthmus } from '../isthmus.ts'
import { action, projectOption } from './action.ts'
import { EXIT, n, plain, type Output } from './output.ts'
import { phaseText } from './phase.ts'
import { jsonReceipt, summary } from './receipt.ts'
import { IDLE, took, withRuns } from './runs.ts'

interface Options {
  json?: boolean
  project: string
}

async function connected<R>(options: Options, body: (isthmus: Isthmus) => Promise<R>): Promise<R> {
  const { Isthmus } = await import('../isthmus.ts')
  const isthmus = new Isthmus({ projectDir: options.project })
  try {
    return await body(isthmus)
  } finally {
    await isthmus.close()
  }
}

/** `isthmus status <run|sync>`: how one run stands, or how it ended. */
export function statusCommand(): Command {
  return new Command('status')
    .description('how a run stands, or how it ended')
    .argument('<run>', 'id of a run, or of a sync for its newest run')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, id: string, options: Options) =>
        withRuns(options.project, output, async (runs, idle) => {
          const handle = await runs.get(id)
          const run = await handle.status()
          if (idle && run.outcome === 'running') output.err(IDLE)
          if (options.json) {
            output.json(run.receipt ? jsonReceipt(run.receipt, handle, took(run)) : { outcome: run.outcome, run: run.run, sync: run.sync, ui: handle.uiUrl, error: run.error, streams: await handle.live() })
            return EXIT.ok
          }
          output.out(`run ${run.run} of ${plain(run.sync)}: ${run.outcome}, started ${run.startedAt.toISOString()}${handle.uiUrl ? `\n${handle.uiUrl}` : ''}`)
          if (run.receipt) output.out(summary(run.receipt, output, took(run)))
          else for (const s of await handle.live()) output.out(`${plain(s.stream)}: ${phaseText(s, (time) => time)}, ${n(s.counts.pages)} pages, ${n(s.counts.read)} records read`)
          if (run.error && !run.receipt) output.out(plain(run.error))
          return EXIT.ok
        }),
      ),
    )
}

/** `isthmus logs <run|sync>`: what happened, line by line. */
export function logsCommand(): Command {
  return new Command('logs')
    .description('what happened in a run, line by line')
    .argument('<run>', 'id of a run, or of a sync for its newest run')
    .option('-f, --follow', 'go on until the run has ended')
    .option('--json', 'one JSON object a line')
    .addOption(projectOption())
    .action(
      action((output, id: string, options: Options & { follow?: boolean }) =>
        withRuns(options.project, output, async (runs, idle) => {
          const stop = new AbortController()
          const interrupt = (): void => stop.abort()
          process.once('SIGINT', interrupt)
          const handle = await runs.get(id)
          for await (const line of handle.logs({ follow: options.follow === true, signal: stop.signal })) showLine(output, line, options.json === true)
          process.off('SIGINT', interrupt)
          if (idle && options.follow && (await handle.status()).outcome === 'running') output.err(IDLE)
          return stop.signal.aborted ? EXIT.cancelled : EXIT.ok
        }),
      ),
    )
}

function showLine(output: Output, line: { at: Date; level: string; stream: string; message: string }, json: boolean): void {
  if (json) return output.json(line)
  const level = line.level === 'error' ? output.color.red(line.level) : line.level === 'warn' ? output.color.yellow(line.level) : line.level
  output.out(`${output.color.dim(line.at.toISOString())} ${level} ${line.stream ? `${plain(line.stream)}: ` : ''}${plain(line.message)}`)
}

/** `isthmus cancel <run|sync>`: stops a run; what is committed stays. */
export function cancelCommand(): Command {
  return new Command('cancel')
    .description('stop a run; what is committed stays, and the next run goes on from there')
    .argument('<run>', 'id of a run, or of a sync for its newest run')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, id: string, options: Options) =>
        connected(options, async (isthmus) => {
          const handle = await isthmus.syncs.get(id)
          const before = await handle.status()
          if (before.outcome === 'running' || before.outcome === 'parked') {
            await handle.cancel()
            await handle.closed()
          }
          const after = await handle.status()
          if (options.json) output.json({ run: after.run, outcome: after.outcome })
          else output.out(before.outcome === 'running' || before.outcome === 'parked' ? `run ${after.run}: ${after.outcome}` : `run ${after.run} had ended before: ${after.outcome}`)
          return EXIT.ok
        }),
      ),
    )
}
