import { Command } from 'commander'
import { commandsFor } from './commands.ts'
import { EXIT } from './output.ts'
import { version } from './version.ts'
import { crashText, tellCrashes } from '../../workers/crash.ts'

/** The command line with the commands that its arguments can mean. */
async function program(args: string[]): Promise<Command> {
  const command = new Command('isthmus')
    .description('Durable API integration on Temporal: syncs that lose nothing and double nothing.')
    .version(version())
    .option('--no-color', 'no colours, also on a terminal')
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ showGlobalOptions: true })
  for (const one of await commandsFor(args)) command.addCommand(one)
  return command
}

/** Runs the command line; sets the process's exit code. */
export async function main(argv: string[]): Promise<void> {
  // A reader that went away (`| head`) is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed))
  tellCrashes((text) => process.stderr.write(`${text}\n`))
  const command = await program(argv.slice(2))
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
