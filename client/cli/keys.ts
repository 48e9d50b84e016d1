import { Command } from 'commander'
import { durationMs } from '../../model/duration.ts'
import { at } from '../../model/errors.ts'
import type { ApiKey } from '../../model/triggers.ts'
import { ApiKeys, SCOPES } from '../api-keys.ts'
import { action, projectOption } from './action.ts'
import { EXIT, plain, table, type Output } from './output.ts'
import { withStore } from './with-connections.ts'

interface Options {
  json?: boolean
  project: string
}

/** `isthmus keys ...`: keys of the HTTP API. */
export function keysCommand(): Command {
  const command = new Command('keys').description('keys of the HTTP API (isthmus serve): making, listing and ending them')
  for (const make of [createCommand, listCommand, revokeCommand]) command.addCommand(make())
  return command
}

function withKeys(output: Output, options: Options, body: (keys: ApiKeys) => Promise<number>): Promise<number> {
  return withStore(output, options.project, (store) => body(new ApiKeys(() => Promise.resolve(store))))
}

function createCommand(): Command {
  return new Command('create')
    .description('make a key; it is shown once and only its hash is stored')
    .argument('<name>', 'who will use it')
    .requiredOption('--scope <scope...>', `what it may do: ${SCOPES.join(', ')} (write includes read)`)
    .option('--expires <duration>', 'how long it is good, for example 90d; default: until it is revoked')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, name: string, options: Options & { scope: string[]; expires?: string }) => {
        const expiresAt = options.expires === undefined ? null : new Date(Date.now() + duration(options.expires))
        return withKeys(output, options, async (keys) => {
          const made = await keys.create({ name, scopes: options.scope.flatMap((s) => s.split(',')), expiresAt })
          if (options.json) output.json(made)
          else {
            output.out(made.key)
            output.err(`the key ${made.id} of ${plain(made.name)} may ${made.scopes.join(', ')}${made.expiresAt ? `, until ${made.expiresAt.toISOString()}` : ''}. It is not shown again.`)
          }
          return EXIT.ok
        })
      }),
    )
}

function duration(text: string): number {
  try {
    return durationMs(text)
  } catch (error) {
    throw at(error, { field: '--expires' })
  }
}

function listCommand(): Command {
  return new Command('list')
    .description('all keys, newest first; what proves them is stored nowhere')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, options: Options) =>
        withKeys(output, options, async (keys) => {
          const all = await keys.list()
          if (options.json) output.json({ keys: all })
          else output.out(all.length > 0 ? table([['key', 'name', 'scopes', 'state', 'last used', 'made'], ...all.map(row)]) : 'no keys yet: isthmus keys create <name> --scope runs:write')
          return EXIT.ok
        }),
      ),
    )
}

function row(k: ApiKey): string[] {
  const state = k.revokedAt ? 'revoked' : k.expiresAt && k.expiresAt.getTime() <= Date.now() ? 'over' : k.expiresAt ? `until ${k.expiresAt.toISOString().slice(0, 16)}` : 'valid'
  return [`isk_${k.id}`, k.name, k.scopes.join(' '), state, k.lastUsedAt?.toISOString().slice(0, 16) ?? 'never', k.createdAt.toISOString().slice(0, 16)]
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('end a key at once')
    .argument('<id>', 'as `keys list` shows it')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, id: string, options: Options) =>
        withKeys(output, options, async (keys) => {
          await keys.revoke(id)
          if (options.json) output.json({ outcome: 'revoked', id: id.replace(/^isk_/, '') })
          else output.out(`revoked ${plain(id)}`)
          return EXIT.ok
        }),
      ),
    )
}
