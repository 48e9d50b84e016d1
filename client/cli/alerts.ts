import { Command } from 'commander'
import { projectEnvironment } from '../../project/index.ts'
import { loadVaultKey, openStore } from '../../store/index.ts'
import { Alerts } from '../alerts.ts'
import { action, projectOption } from './action.ts'
import { interruption } from './interrupt.ts'
import { EXIT, plain, table, type Output } from './output.ts'
import { ensureDatabase } from './stack.ts'

interface Options {
  json?: boolean
  open?: boolean
  limit: string
  project: string
}

/** `isthmus alerts ...`: problems, and the messages that told of them. */
export function alertsCommand(): Command {
  const command = new Command('alerts').description('problems, and the alerts that told of them; send a test')
  command.addCommand(listCommand())
  command.addCommand(testCommand())
  return command
}

function listCommand(): Command {
  return new Command('list')
    .description('problems that workers have found, and alerts that were or will be sent')
    .option('--open', 'only problems that are open')
    .option('--limit <n>', 'how many of each', '20')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, options: Options) =>
        withAlerts(output, options.project, async (alerts) => {
          const limit = Math.min(1_000, Math.max(1, Number.parseInt(options.limit, 10) || 20))
          const [problems, sent] = await Promise.all([alerts.problems({ open: options.open === true, limit }), alerts.list({ limit })])
          if (options.json) output.json({ problems, alerts: sent })
          else {
            output.out(problems.length === 0 ? 'no problems' : table([['problem', 'severity', 'since', 'resolved', 'what'], ...problems.map((p) => [String(p.id), p.severity, when(p.since), when(p.resolvedAt), short(p.what)])], [0]))
            if (sent.length > 0) output.out(`\n${table([['alert', 'event', 'to', 'state', 'tries', 'created', 'what'], ...sent.map((a) => [String(a.id), a.event, a.sink, a.error ? `${a.state}: ${short(a.error)}` : a.state, String(a.tries), when(a.createdAt), short(a.problem.what)])], [0, 4])}`)
          }
          return EXIT.ok
        }),
      ),
    )
}

function testCommand(): Command {
  return new Command('test')
    .description('send a test to every place that isthmus.config.ts names')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .addHelpText('after', '\nExit codes: 0 all were delivered, 1 one was not (it is tried again by a worker), 2 the project names none.')
    .action(
      action((output, options: Options) =>
        withAlerts(output, options.project, async (alerts) => {
          const stop = interruption(() => undefined, () => undefined)
          const views = await alerts.test({ signal: AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]) }).finally(() => stop.end())
          if (stop.signal.aborted) return EXIT.cancelled
          if (options.json) output.json({ alerts: views })
          else for (const v of views) output.out(v.state === 'sent' ? `${output.color.green('sent')} ${plain(v.sink)}` : `${output.color.red('failed')} ${plain(v.sink)}: ${plain(v.error || 'no answer yet')}`)
          return views.every((v) => v.state === 'sent') ? EXIT.ok : EXIT.failed
        }),
      ),
    )
}

const when = (at: Date | null): string => (at ? `${at.toISOString().slice(0, 19)}Z` : '')
const short = (text: string): string => (text.length > 100 ? `${text.slice(0, 99)}…` : text).replace(/\s+/g, ' ')

/** The database is enough: it is started where nothing runs. */
async function withAlerts<R>(output: Output, projectDir: string, body: (alerts: Alerts) => Promise<R>): Promise<R> {
  const environment = (): ReturnType<typeof projectEnvironment> => projectEnvironment(projectDir)
  const key = await loadVaultKey({ env: environment(), projectDir })
  const database = await ensureDatabase(projectDir, output)
  try {
    const store = await openStore(database.databaseUrl, { key })
    try {
      await store.migrate()
      return await body(new Alerts(projectDir, environment, () => Promise.resolve(store)))
    } finally {
      await store.close()
    }
  } finally {
    await database.stop()
  }
}
