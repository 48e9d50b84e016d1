import { Command } from 'commander'
import { startStack } from '../../workers/stack.ts'
import { action, projectOption } from './action.ts'
import { EXIT, withoutPassword } from './output.ts'

/** `isthmus dev`: everything a laptop needs, until Ctrl-C. */
export function devCommand(): Command {
  return new Command('dev')
    .description('start Temporal with its UI, PostgreSQL and a worker for this project; Ctrl-C stops all of it')
    .option('--json', 'one JSON line with the addresses (that of the database with its password, that of the codec server with its token) when everything is up')
    .option('--no-worker', 'servers only')
    .addOption(projectOption())
    .addHelpText('after', '\nData lies below .isthmus/ and survives a restart.\nTEMPORAL_ADDRESS (or a Temporal profile) and DATABASE_URL take the place of what would be started.')
    .action(
      action(async (output, options: { json?: boolean; worker: boolean; project: string }) => {
        const asked = stopRequest()
        const stack = await startStack({ projectDir: options.project, worker: options.worker, log: (level, line) => output.err(level === 'info' ? output.color.dim(line) : output.color.yellow(line)) })
        if (options.json) output.json({ temporal: stack.temporal, databaseUrl: stack.databaseUrl, codec: stack.codec, projectDir: options.project })
        else {
          output.out(`${output.color.green('ready')}`)
          output.out(`  Temporal UI  ${stack.temporal.uiUrl ?? '(that of your server)'}`)
          output.out(`  Temporal     ${stack.temporal.address}, namespace ${stack.temporal.namespace}`)
          output.out(`  encryption   ${stack.codec ? 'what Temporal stores opens in its UI; for its CLI the address is in .isthmus/codec.json' : 'run `isthmus codec` for the UI of your server'}`)
          output.out(`  PostgreSQL   ${withoutPassword(stack.databaseUrl)}: isthmus sql "select ..." asks it; the whole address is in .isthmus/dev.json`)
          output.out(`  worker       ${options.worker ? 'running, log in .isthmus/worker.log' : 'not started'}`)
          output.out('  next         isthmus run <sync> in another terminal; Ctrl-C here stops everything')
        }
        await asked
        output.err('stopping')
        await stack.stop()
        return EXIT.ok
      }),
    )
}

function stopRequest(): Promise<void> {
  return new Promise((resolve) => {
    let times = 0
    const stop = (): void => {
      times += 1
      if (times > 2) process.exit(EXIT.cancelled)
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}
