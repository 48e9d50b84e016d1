import { Command } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import { projectEnvironment } from '../../project/index.ts'
import { abandonVaultRotation, loadVaultKey, openStore, rotateVaultKey, sourceOf, vaultStatus, type VaultKey } from '../../store/index.ts'
import { action, projectOption } from './action.ts'
import { EXIT, n, plain, type Output } from './output.ts'
import { ensureDatabase } from './stack.ts'

interface Options {
  json?: boolean
  project: string
}

interface RotateFlags extends Options {
  newKeyFile?: string
  newKeyCommand?: string
  finish?: boolean
  abandon?: boolean
}

const SHOWN = 20

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

function statusCommand(): Command {
  return new Command('status')
    .description('where the key comes from, and what it seals')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action((output, options: Options) =>
        withDatabase(output, options.project, async (databaseUrl, key) => {
          const status = await vaultStatus(databaseUrl, key)
          if (options.json) output.json(status)
          else {
            output.out(`key         ${status.key}, from ${plain(status.source)}`)
            output.out(`data keys   ${n(status.dataKeys)}`)
            output.out(`sealed      ${n(status.sealed)} values${status.older > 0 ? `, ${n(status.older)} of them not under the newest data key` : ''}`)
            if (status.rotation) output.out(output.color.yellow('a rotation is not finished: run `isthmus vault rotate-key` again'))
            if (status.openTo !== null) output.out(output.color.yellow(`others than its owner can read the key file (mode ${status.openTo})`))
          }
          return EXIT.ok
        }),
      ),
    )
}

function rotateCommand(): Command {
  return new Command('rotate-key')
    .description('exchange the key and seal everything anew, while workers run; a rotation that was stopped goes on')
    .option('--new-key-file <file>', 'a file with the new key, which you set yourself')
    .option('--new-key-command <command>', 'a command that prints the new key, which you set yourself')
    .option('--finish', 'the new key is set everywhere: drop what the old one opens')
    .option('--abandon', 'give up a rotation that is not finished; the old key stays')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .addHelpText('after', `
A key in a file (.isthmus/key, ISTHMUS_KEY_FILE) is made and replaced here, which is all when every worker reads this very file. Otherwise, and with
ISTHMUS_KEY or ISTHMUS_KEY_COMMAND, exchange it yourself: give the new one as ISTHMUS_NEW_KEY (or by the options above), set it everywhere, restart, then
run this with --finish. In between both keys open everything.`)
    .action(
      action((output, options: RotateFlags) =>
        withDatabase(output, options.project, async (databaseUrl, from, env) => {
          if (options.abandon) return abandon(output, options, databaseUrl, from)
          const { newKeyFile, newKeyCommand, finish } = options
          const done = await rotateVaultKey(databaseUrl, {
            from, env, projectDir: options.project, newKeyFile, newKeyCommand, finish,
            step: (step) => {
              if (step === 'settling') output.err(output.color.dim('waiting for processes that still seal with the former data key'))
            },
          })
          if (options.json) output.json({ outcome: done.finished ? 'rotated' : 'prepared', ...done })
          else if (done.finished) output.out(`${output.color.green('rotated')}: the key is ${done.key}, ${n(done.resealed)} values were sealed anew`)
          else {
            output.out(`prepared: ${n(done.resealed)} values were sealed anew, both keys open them`)
            output.out(`next: set the key ${done.key} as ${plain(sourceOf(from))} for all workers and clients, restart them, then run \`isthmus vault rotate-key --finish\``)
          }
          if (done.unopened.length > 0) showUnopened(output, done.unopened)
          return EXIT.ok
        }),
      ),
    )
}

async function abandon(output: Output, options: RotateFlags, databaseUrl: string, from: VaultKey): Promise<number> {
  if (options.finish || options.newKeyFile || options.newKeyCommand) throw new IsthmusError('InvalidInput', '--abandon goes with nothing else', { field: '--abandon', cure: 'leave the other options out' })
  await abandonVaultRotation(databaseUrl, from)
  if (options.json) output.json({ outcome: 'abandoned', key: from.id })
  else output.out(`given up: the key is ${from.id} as before`)
  return EXIT.ok
}

function showUnopened(output: Output, unopened: string[]): void {
  output.err(output.color.yellow(`${n(unopened.length)} values do not open: somebody has changed or moved them. They are left as they are; set those connections up again:`))
  for (const one of unopened.slice(0, SHOWN)) output.err(`  ${plain(one)}`)
  if (unopened.length > SHOWN) output.err(`  and ${n(unopened.length - SHOWN)} more`)
}
