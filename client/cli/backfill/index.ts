import { Command } from 'commander'
import { backfillStatusCommand, cancelBackfillCommand, listBackfillsCommand, pauseCommand, resumeCommand, retryWindowsCommand, skipWindowsCommand, speedCommand } from './operate.ts'
import { startCommand } from './start.ts'

/** `isthmus backfill`: reads a range of time window by window, beside the runs of a sync. */
export function backfillCommand(): Command {
  const command = new Command('backfill')
    .description('read history window by window, with low priority: `isthmus backfill <sync> --from 2019-01-01 --to 2024-12-31`')
    .addCommand(startCommand(), { isDefault: true })
  for (const make of [listBackfillsCommand, backfillStatusCommand, pauseCommand, resumeCommand, speedCommand, retryWindowsCommand, skipWindowsCommand, cancelBackfillCommand]) command.addCommand(make())
  return command
}
