import { Command } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import type { ConnectionView } from '../connections.ts'
import { action, projectOption } from './action.ts'
import { connectWith, setOption, type ConnectFlags } from './connect.ts'
import { EXIT, plain, table } from './output.ts'
import { canAsk, confirmed } from './prompts.ts'
import { withConnections } from './with-connections.ts'

interface Options {
  json?: boolean
  project: string
}

/** `isthmus connections ...`: accounts at systems, and how they are. */
export function connectionsCommand(): Command {
  const command = new Command('connections').description('accounts at systems: list them, look at one, check it, exchange its credentials, remove it')
  for (const make of [listCommand, showCommand, checkCommand, rotateCommand, removeCommand]) command.addCommand(make())
  return command
}

const named = (name: string, description: string): Command =>
  new Command(name).description(description).argument('<connection>', 'name of the connection').option('--json', 'one JSON line').addOption(projectOption())

function listCommand(): Command {
  return new Command('list')
    .description('connections that are stored, and those that syncs describe')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, options: Options) =>
        withConnections(output, options.project, async (connections) => {
          const all = await connections.list()
          if (options.json) output.json({ connections: all })
          else if (all.length === 0) output.out('no connections yet; set one up with `isthmus connect <system>`')
          else output.out(table([['connection', 'connector', 'method', 'state', 'last success', 'last error', 'syncs'], ...all.map(row)]))
          return EXIT.ok
        }),
      ),
    )
}

const when = (at: Date | null): string => (at ? at.toISOString().slice(0, 19) + 'Z' : '')

function row(c: ConnectionView): string[] {
  return [c.connection, c.connector || (c.stored ? '(syncs)' : '(not stored)'), c.method, c.state, when(c.lastSuccessAt), c.lastErrorType ? `${c.lastErrorType} ${when(c.lastErrorAt)}` : '', c.syncs.join(' ')]
}

function showCommand(): Command {
  return named('show', 'one connection: settings, names of its credentials (never their values), health').action(
    action((output, name: string, options: Options) =>
      withConnections(output, options.project, async (connections) => {
        const c = await connections.get(name)
        if (options.json) {
          output.json(c)
          return EXIT.ok
        }
        const lines: [string, string][] = [
          ['connector', c.connector || '(described by syncs)'], ['method', c.method], ['state', c.reason ? `${c.state}: ${c.reason}` : c.state],
          ...Object.entries(c.settings).map(([key, value]): [string, string] => [key, value]),
          ...c.credentials.map((key): [string, string] => [key, '(sealed)']),
          ['stored', c.stored ? when(c.updatedAt) : 'no'], ['last success', when(c.lastSuccessAt)],
          ['breaker', c.breaker && `open: ${c.breaker}`], ['paused until', when(c.pausedUntil)],
          ['last error', c.lastErrorType ? `${c.lastErrorType} ${when(c.lastErrorAt)}: ${c.lastErrorMessage}` : ''], ['syncs', c.syncs.join(' ')],
          ['streams', c.streams.join(' ')], ['actions', c.actions.join(' ')],
        ]
        output.out(output.color.bold(plain(c.connection)))
        for (const [key, value] of lines) if (value !== '') output.out(`  ${plain(key).padEnd(14)} ${plain(value)}`)
        return EXIT.ok
      }),
    ),
  )
}

function checkCommand(): Command {
  return named('check', 'make one cheap call with the stored credentials').action(
    action((output, name: string, options: Options) =>
      withConnections(output, options.project, async (connections) => {
        const found = await connections.check(name)
        if (options.json) output.json({ outcome: 'ok', ...found })
        else output.out(`${output.color.green('ok')} ${plain(name)}: HTTP ${found.status} in ${found.ms} ms`)
        return EXIT.ok
      }),
    ),
  )
}

function rotateCommand(): Command {
  return named('rotate', 'give new credentials (or consent again); the old ones stay until the new ones are seen to work')
    .addOption(setOption())
    .option('--stdin', 'read the new credentials from standard input, as a JSON object')
    .option('--method <name>', 'another way to sign in')
    .option('--no-check', 'store them without calling the system')
    .option('--no-browser', 'print the address to sign in at; do not open it')
    .action(
      action((output, name: string, options: Omit<ConnectFlags, 'as'>) =>
        withConnections(output, options.project, async (connections) => {
          const view = await connections.get(name)
          const system = view.connector || name
          return connectWith(output, connections, system, await connections.target(name), { ...options, as: name }, true)
        }),
      ),
    )
}

function removeCommand(): Command {
  return named('remove', 'remove a connection with its credentials and tokens')
    .option('--yes', 'do not ask')
    .action(
      action((output, name: string, options: Options & { yes?: boolean }) =>
        withConnections(output, options.project, async (connections) => {
          const view = await connections.get(name)
          if (!options.yes) {
            const used = view.syncs.length > 0 ? ` It is used by ${view.syncs.join(', ')}.` : ''
            if (options.json || !canAsk()) throw new IsthmusError('InvalidInput', `this removes the credentials of "${name}" for good.${used}`, { field: '--yes', cure: 'add --yes if that is meant' })
            if (!(await confirmed(`Remove "${plain(name)}" with its credentials?${plain(used)}`))) return EXIT.cancelled
          }
          await connections.remove(name)
          if (options.json) output.json({ outcome: 'removed', connection: name })
          else output.out(`removed ${plain(name)}`)
          return EXIT.ok
        }),
      ),
    )
}
