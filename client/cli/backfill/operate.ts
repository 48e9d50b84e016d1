import { Command } from 'commander'
import type { BackfillProgress } from '../../../model/backfill.ts'
import { momentText, type BackfillHandle } from '../../backfill/index.ts'
import { Isthmus } from '../../isthmus.ts'
import { action, projectOption } from '../action.ts'
import { interruption } from '../interrupt.ts'
import { EXIT, n, table } from '../output.ts'
import { exitCode, follow, jsonProgress, told, wholeNumber } from './start.ts'

interface Options {
  follow?: boolean
  note?: string
  sync?: string
  json?: boolean
  project: string
}

/** A command that does something to a backfill and tells how it stands then. */
function order(name: string, description: string, act: (handle: BackfillHandle, options: Options, argument: string) => Promise<BackfillProgress>, argument?: string): Command {
  const command = new Command(name).description(description).argument('<backfill>', 'id of a backfill, or of a sync for its open one')
  if (argument) command.argument(argument)
  if (name === 'pause') command.option('--note <text>', 'why, for others to read')
  return command
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action(async (output, id: string, ...rest: unknown[]) => {
        const given = argument ? String(rest[0]) : ''
        const options = (argument ? rest[1] : rest[0]) as Options
        const isthmus = new Isthmus({ projectDir: options.project })
        try {
          const handle = await isthmus.backfills.get(id)
          const progress = await act(handle, options, given)
          if (options.json) output.json(jsonProgress(progress, handle))
          else told(progress, output)
          return EXIT.ok
        } finally {
          await isthmus.close()
        }
      }),
    )
}

export const pauseCommand = (): Command => order('pause', 'end what is under way at the next whole chunk, and begin nothing more; returns when nothing is under way', (handle, { note }) => handle.pause(note))
export const resumeCommand = (): Command => order('resume', 'go on, with the sync and .env as they are now', (handle) => handle.resume())
export const retryWindowsCommand = (): Command => order('retry', 'begin the windows again that stopped, with the sync and .env as they are now', (handle) => handle.retry())
export const skipWindowsCommand = (): Command => order('skip', 'give the windows up that stopped', (handle) => handle.skip())
export const speedCommand = (): Command => order('speed', 'windows at once from now on, 1 to 32', (handle, _options, text) => handle.setConcurrency(wholeNumber(text, 'n')), '<n>')
export const cancelBackfillCommand = (): Command =>
  order('cancel', 'stop a backfill; rows that are written stay', async (handle) => {
    await handle.cancel()
    return handle.result()
  })

/** `isthmus backfill status <id>`: how it stands; with `--follow` until it ends or waits for a person. */
export function backfillStatusCommand(): Command {
  return new Command('status')
    .description('how a backfill stands')
    .argument('<backfill>', 'id of a backfill, or of a sync for its open one')
    .option('--follow', 'live view, until it ends or waits for you; Ctrl-C leaves')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action(async (output, id: string, options: Options) => {
        const stop = interruption(() => undefined, () => undefined)
        const isthmus = new Isthmus({ projectDir: options.project })
        try {
          const handle = await isthmus.backfills.get(id)
          if (options.follow) return await follow(handle, output, options.json === true, stop.signal)
          const progress = await handle.status()
          if (options.json) output.json(jsonProgress(progress, handle))
          else told(progress, output)
          return exitCode(progress)
        } finally {
          await isthmus.close()
          stop.end()
        }
      }),
    )
}

/** `isthmus backfill list`: backfills, newest first. */
export function listBackfillsCommand(): Command {
  return new Command('list')
    .description('backfills, newest first')
    .option('--sync <id>', 'only those of this sync')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action(async (output, options: Options) => {
        const isthmus = new Isthmus({ projectDir: options.project })
        try {
          const found = await isthmus.backfills.list(options.sync === undefined ? {} : { sync: options.sync })
          if (options.json) output.json({ backfills: found })
          else {
            const rows = found.map((b) => [b.id, b.sync, `${momentText(b.spec.from)}..${momentText(b.spec.to)}`, b.progress?.phase ?? b.outcome, b.progress ? `${n(b.progress.windows.done)}/${n(b.progress.windows.total)}` : '', b.progress ? n(b.progress.counts.read) : ''])
            output.out(rows.length > 0 ? table([['backfill', 'sync', 'range', 'phase', 'windows', 'records'], ...rows], [4, 5]) : 'no backfills yet: isthmus backfill <sync> --from <date>')
          }
          return EXIT.ok
        } finally {
          await isthmus.close()
        }
      }),
    )
}
