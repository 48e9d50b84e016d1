import { Command } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import { projectEnvironment } from '../../project/index.ts'
import { loadVaultKey, newKey, openStore, rotateVaultKey, vaultStatus, type VaultKey } from '../../store/index.ts'
import { action, projectOption } from './action.ts'
import { EXIT, n, plain, type Output } from './output.ts'
import { ensureDatabase } from './stack.ts'

interface Options {
  json?: boolean
  project: string
}

/** `isthmus vault ...`: the key that seals credentials. */
export function vaultCommand(): Command {
  const command = new Command('vault').description('the key that seals credentials: what it is, and exchanging it')
  command.addCommand(statusCommand())
  command.addCommand(rotateCommand())
  return command
}

async function withDatabase<R>(output: Output, project: string, body: (databaseUrl: string, key: VaultKey, env: ReturnType<typeof projectEnvironment>) => Promise<R>): Promise<R> {
  const env = projectEnvironment(project)
  const key = await loadVaultKey({ env, projectDir: project })
  const database = await ensureDatabase(project, output)
  try {
    // Makes the tables, and refuses a key that is not the one of this database.
    const store = await openStore(database.databaseUrl, { key })
    await store.migrate().finally(() => store.close())
    return await body(database.databaseUrl, key, env)
  } finally {
    await database.stop()
  }
}

const where = (key: VaultKey): string => (key.source?.kind === 'file' ? key.source.path : (key.source?.name ?? ''))

function statusCommand(): Command {
  return new Command('status')
    .description('where the key comes from, and what it seals')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, options: Options) =>
        withDatabase(output, options.project, async (databaseUrl, key) => {
          const status = await vaultStatus(databaseUrl)
          if (options.json) output.json({ key: key.id, source: where(key), ...status })
          else {
            output.out(`key         ${key.id}, from ${plain(where(key))}`)
            output.out(`data keys   ${n(status.dataKeys)}`)
            output.out(`sealed      ${n(status.sealed)} values${status.older > 0 ? `, ${n(status.older)} of them not under the newest data key` : ''}`)
            if (status.rotation) output.out(output.color.yellow('a rotation is not finished: run `isthmus vault rotate-key` again'))
          }
          return EXIT.ok
        }),
      ),
    )
}

function rotateCommand(): Command {
  return new Command('rotate-key')
    .description('exchange the key and seal everything anew, while workers run; a rotation that was stopped goes on')
    .option('--new-key-file <file>', 'the new key, where the key does not come from a file that Isthmus may replace')
    .option('--new-key-command <command>', 'a command that prints the new key')
    .option('--finish', 'the new key is set everywhere: drop what the old one opens')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .addHelpText('after', '\nA key in a file (.isthmus/key, ISTHMUS_KEY_FILE) is made and replaced here. A key in ISTHMUS_KEY or from ISTHMUS_KEY_COMMAND is yours to exchange:\ngive the new one as ISTHMUS_NEW_KEY (or by the options above), set it everywhere, restart, then run this with --finish.')
    .action(
      action((output, options: Options & { newKeyFile?: string; newKeyCommand?: string; finish?: boolean }) =>
        withDatabase(output, options.project, async (databaseUrl, from, env) => {
          const given = await newKey({ from, env, projectDir: options.project, file: options.newKeyFile, command: options.newKeyCommand, finish: options.finish === true })
          if (given.to && given.to.id === from.id && !options.finish) throw new IsthmusError('VaultKey', 'the new key is the one in use', { cure: 'give another one' })
          const done = await rotateVaultKey(databaseUrl, { from, to: given.to, exchange: given.exchange, finish: options.finish === true, say: (line) => output.err(output.color.dim(line)) })
          if (options.json) output.json({ outcome: done.finished ? 'rotated' : 'prepared', ...done })
          else if (done.finished) output.out(`${output.color.green('rotated')}: the key is ${done.key}, ${n(done.resealed)} values were sealed anew`)
          else {
            output.out(`prepared: ${n(done.resealed)} values were sealed anew, both keys open them`)
            output.out(`next: set the new key as ${plain(where(from))} for workers and clients, restart them, then run \`isthmus vault rotate-key --finish\``)
          }
          return EXIT.ok
        }),
      ),
    )
}
