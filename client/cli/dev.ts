import { Command } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import { startStack } from '../../workers/stack.ts'
import { SAME_MS } from '../../workers/stop-signals.ts'
import { Isthmus } from '../isthmus.ts'
import { action, projectOption } from './action.ts'
import { summary } from './deploy.ts'
import { EXIT, plain, withoutPassword, type Output } from './output.ts'
import { schedulesOff } from './stack.ts'

/** `isthmus dev`: everything a laptop needs, until Ctrl-C. */
export function devCommand(): Command {
  return new Command('dev')
    .description('start Temporal with its UI, PostgreSQL and a worker for this project; Ctrl-C stops all of it')
    .option('--json', 'one JSON line with the addresses (that of the database with its password, that of the codec server with its token) when everything is up')
    .option('--no-worker', 'servers only')
    .option('--no-schedules', 'start no scheduled runs, and leave deployed schedules as they are')
    .addOption(projectOption())
    .addHelpText('after', '\nData lies below .isthmus/ and survives a restart.\nTEMPORAL_ADDRESS (or a Temporal profile) and DATABASE_URL take the place of what would be started.')
    .action(
      action(async (output, options: { json?: boolean; worker: boolean; schedules: boolean; project: string }) => {
        let hurry = (): void => {}
        const asked = stopRequest(() => hurry())
        const stack = await startStack({ projectDir: options.project, worker: options.worker, ...(!options.schedules && { env: schedulesOff() }), log: (level, line) => output.err(level === 'info' ? output.color.dim(line) : output.color.yellow(line)) })
        const schedules = options.schedules ? await reconcile(options.project, output) : 'left as they are, and start nothing'
        if (options.json) output.json({ temporal: stack.temporal, databaseUrl: stack.databaseUrl, codec: stack.codec, projectDir: options.project })
        else {
          output.out(`${output.color.green('ready')}`)
          output.out(`  Temporal UI  ${stack.temporal.uiUrl ?? '(that of your server)'}`)
          output.out(`  Temporal     ${stack.temporal.address}, namespace ${stack.temporal.namespace}`)
          output.out(`  encryption   ${stack.codec ? 'what Temporal stores opens in its UI; for its CLI the address is in .isthmus/codec.json' : 'run `isthmus codec` for the UI of your server'}`)
          output.out(`  PostgreSQL   ${withoutPassword(stack.databaseUrl)}: isthmus sql "select ..." asks it; the whole address is in .isthmus/dev.json`)
          output.out(`  worker       ${options.worker ? 'running, log in .isthmus/worker.log' : 'not started'}`)
          output.out(`  schedules    ${schedules}`)
          output.out('  next         isthmus run <sync> in another terminal; Ctrl-C here stops everything')
        }
        await asked
        output.err(options.worker ? 'stopping: steps under way get 20 s to end; Ctrl-C again ends them at once' : 'stopping')
        const stopped = stack.stop()
        hurry = stack.hurry
        await stopped
        return EXIT.ok
      }),
    )
}

/** Deploys the schedules that the syncs declare; what stands in the way of one is told, and stops no other. Gives what was done. */
async function reconcile(projectDir: string, output: Output): Promise<string> {
  const isthmus = new Isthmus({ projectDir })
  const warn = (error: unknown): void => output.err(output.color.yellow(`schedule not deployed: ${plain(error instanceof IsthmusError ? error.format() : String(error))}`))
  try {
    const { changes } = await isthmus.schedules.deploy({ lenient: warn })
    return summary(changes)
  } catch (error) {
    // A project without syncs, yet.
    if (error instanceof IsthmusError && error.type === 'NotFound') return 'none'
    warn(error)
    return 'not deployed'
  } finally {
    await isthmus.close()
  }
}

/** Resolves with the first SIGINT or SIGTERM; another one calls `again`, a third one ends the process. One that npx passes on within a second counts as the same. */
function stopRequest(again: () => void): Promise<void> {
  return new Promise((resolve) => {
    let times = 0
    let last = 0
    const stop = (): void => {
      if (Date.now() - last < SAME_MS) return
      last = Date.now()
      times += 1
      if (times > 2) process.exit(EXIT.cancelled)
      if (times === 2) again()
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}
