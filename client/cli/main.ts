import { Command } from 'commander'
import { simulateCommand } from '../../simulator/index.ts'
import { alertsCommand } from './alerts.ts'
import { codecCommand } from './codec.ts'
import { conformanceCommand } from './conformance.ts'
import { connectCommand } from './connect.ts'
import { connectionsCommand } from './connections.ts'
import { deployCommand } from './deploy.ts'
import { devCommand } from './dev.ts'
import { healthCommand } from './health.ts'
import { initCommand } from './init.ts'
import { backfillCommand } from './backfill/index.ts'
import { approveCommand, pauseCommand, resumeCommand, retryCommand, skipCommand } from './operate.ts'
import { cancelCommand, logsCommand, statusCommand } from './inspect.ts'
import { keysCommand } from './keys.ts'
import { listCommand } from './list.ts'
import { EXIT } from './output.ts'
import { peekCommand } from './peek.ts'
import { planCommand } from './plan.ts'
import { postCommand } from './post.ts'
import { rejectsCommand } from './rejects.ts'
import { remapCommand } from './remap.ts'
import { runCommand } from './run.ts'
import { schedulesCommand } from './schedules.ts'
import { serveCommand } from './serve.ts'
import { sqlCommand } from './sql.ts'
import { vaultCommand } from './vault.ts'
import { version } from './version.ts'
import { workerCommand } from './worker.ts'
import { crashText, tellCrashes } from '../../workers/crash.ts'

/** The whole command line. Exposed for tests; `main` runs it. */
export function program(): Command {
  const command = new Command('isthmus')
    .description('Durable API integration on Temporal: syncs that lose nothing and double nothing.')
    .version(version())
    .option('--no-color', 'no colours, also on a terminal')
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ showGlobalOptions: true })
  for (const make of [initCommand, devCommand, connectCommand, connectionsCommand, vaultCommand, planCommand, peekCommand, runCommand, backfillCommand, postCommand, statusCommand, listCommand, logsCommand, healthCommand, alertsCommand, pauseCommand, resumeCommand, retryCommand, approveCommand, skipCommand, cancelCommand, deployCommand, schedulesCommand, rejectsCommand, remapCommand, sqlCommand, serveCommand, keysCommand, codecCommand, workerCommand, simulateCommand, conformanceCommand]) {
    command.addCommand(make())
  }
  return command
}

/** Runs the command line; sets the process's exit code. */
export async function main(argv: string[]): Promise<void> {
  // A reader that went away (`| head`) is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed))
  tellCrashes((text) => process.stderr.write(`${text}\n`))
  const command = program()
  for (const c of [command, ...command.commands, ...command.commands.flatMap((c) => c.commands)]) c.exitOverride()
  try {
    await command.parseAsync(argv)
  } catch (error) {
    const known = error as { code?: string; exitCode?: number }
    if (typeof known.code === 'string' && known.code.startsWith('commander.')) {
      process.exitCode = known.exitCode === 0 ? EXIT.ok : EXIT.refused
    } else {
      process.stderr.write(`${crashText(error)}\n`)
      process.exit(EXIT.failed)
    }
  }
}
