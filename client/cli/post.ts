import { Command } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import type { RunHandle } from '../handle.ts'
import { Isthmus } from '../isthmus.ts'
import type { PostFormat, PreparedPost } from '../post/index.ts'
import { action, projectOption } from './action.ts'
import { interruption } from './interrupt.ts'
import { EXIT, n, plain, table, type Output } from './output.ts'
import { canAsk, confirmed } from './prompts.ts'
import { follow, started } from './run.ts'
import { ensureStack } from './stack.ts'

interface Options {
  file?: string
  format?: string
  key?: string[]
  yes?: boolean
  dryRun?: boolean
  detach?: boolean
  json?: boolean
  project: string
}

const FORMATS: PostFormat[] = ['jsonl', 'csv', 'json']

/** `isthmus post <connection> <action> --file records.jsonl`: sends records to an action of an API, each once. */
export function postCommand(): Command {
  return new Command('post')
    .description('send the records of a file to an action of an API, each once; without arguments: the actions there are')
    .argument('[connection]', 'a stored connection, or the id of a connector')
    .argument('[action]', 'an action that the connector declares, for example contact.upsert')
    .option('--file <path>', 'JSON lines, CSV (.csv) or a JSON list (.json); - reads standard input')
    .option('--format <name>', `how the records are written: ${FORMATS.join(', ')} (default: by the file's ending)`)
    .option('--key <field...>', 'fields that identify a record (default: as the action declares)')
    .option('--yes', 'do not ask before records are sent')
    .option('--dry-run', 'check the records and tell what would be sent; send nothing')
    .option('--detach', 'start the run and return at once')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .addHelpText('after', '\nExit code: 0 all sent, 1 failed, 2 refused before anything was sent, 3 some records were set aside (isthmus rejects list post/<connection>/<action>), 4 parked, 130 cancelled.')
    .action(
      action(async (output, connection: string | undefined, name: string | undefined, options: Options) => {
        if (connection === undefined) return list(output, options)
        if (name === undefined) throw new IsthmusError('InvalidInput', 'the action is missing', { field: 'action', cure: '`isthmus post` alone lists the actions there are' })
        if (options.file === undefined) throw new IsthmusError('InvalidInput', 'nothing says which records are to be sent', { field: '--file', cure: 'add --file records.jsonl, or --file - for standard input' })
        return post(output, connection, name, options.file, options)
      }),
    )
}

async function list(output: Output, options: Options): Promise<number> {
  const isthmus = new Isthmus({ projectDir: options.project })
  const all = await isthmus.actions.list()
  if (options.json) output.json({ connectors: all })
  else output.out(table([['connector', 'actions', 'streams'], ...all.map((c) => [c.connector, c.actions.join(', ') || '(none declared)', c.streams.join(', ')])]))
  return EXIT.ok
}

async function post(output: Output, connection: string, name: string, file: string, options: Options): Promise<number> {
  const { format } = options
  if (format !== undefined && !FORMATS.includes(format as PostFormat)) throw new IsthmusError('InvalidInput', `"${format.slice(0, 40)}" is no format`, { field: '--format', cure: `use one of ${FORMATS.join(', ')}` })
  const given = format === undefined ? {} : { format: format as PostFormat }
  const input = file === '-' ? { stream: process.stdin, ...given } : { file, ...given }
  // Standard input is the file, so nobody can be asked.
  const mayAsk = file !== '-' && options.json !== true && canAsk()
  let handle: RunHandle | null = null
  let told = false
  const early = (): void => void (options.json && !told && output.json({ outcome: 'cancelled', run: handle?.run ?? null, sync: `post/${connection}/${name}` }))
  const stop = interruption(() => output.err('stopping; what was sent stays. Ctrl-C again leaves at once.'), early)
  const isthmus = new Isthmus({ projectDir: options.project })
  let stack: Awaited<ReturnType<typeof ensureStack>> | null = null
  try {
    // A look needs nothing that runs, unless the name is that of a stored connection.
    const alone = options.dryRun === true && (await isthmus.actions.list()).some((c) => c.connector === connection)
    if (!alone) stack = await ensureStack(options.project, output, { worker: options.dryRun !== true })
    const prepared = await isthmus.actions.prepare(connection, name, input, { ...(options.key && { key: options.key }), signal: stop.signal })
    show(output, prepared)
    if (options.dryRun) {
      if (options.json) output.json({ outcome: 'checked', ...facts(prepared) })
      return prepared.misfits > 0 ? EXIT.rejects : EXIT.ok
    }
    if (prepared.fits === 0) {
      if (prepared.records === 0) {
        if (options.json) output.json({ outcome: 'completed', run: null, ...facts(prepared) })
        return EXIT.ok
      }
      throw new IsthmusError('InvalidInput', `not one of ${n(prepared.records)} records fits the action: ${prepared.samples[0]?.reason ?? ''}`, { field: '--file', cure: 'correct the file, or the model of the action' })
    }
    if (!options.yes) {
      if (!mayAsk) throw new IsthmusError('InvalidInput', `this sends ${n(prepared.fits)} records to ${prepared.to}`, { field: '--yes', cure: 'add --yes if that is meant, or --dry-run to look only' })
      if (!(await confirmed(`Send ${n(prepared.fits)} records to ${plain(prepared.to)}?`))) return EXIT.cancelled
    }
    stop.signal.throwIfAborted()
    handle = await isthmus.actions.start(prepared, { signal: stop.signal })
    if (started(handle, output, options.detach === true && stack?.temporary === false, options.json === true)) return EXIT.ok
    const code = await follow(handle, output, options.json === true, stop.signal)
    told = true
    if (code === EXIT.rejects) output.err(`what was set aside: isthmus rejects list ${plain(handle.sync)}`)
    return code
  } catch (error) {
    if (handle || !stop.signal.aborted) throw error
    early()
    return EXIT.cancelled
  } finally {
    await isthmus.close()
    await stack?.stop()
    stop.end()
  }
}

function facts({ id, to, records, fits, misfits, samples, guarantee }: PreparedPost): Record<string, unknown> {
  return { sync: id, to, records, fits, misfits, samples, delivery: guarantee }
}

function show(output: Output, p: PreparedPost): void {
  const c = output.color
  output.err(`${c.bold(n(p.fits))} ${p.fits === 1 ? 'record' : 'records'} to ${c.bold(plain(p.to))} (${plain(p.method)})`)
  output.err(c.dim(`${p.guarantee}; what was sent before is not sent again`))
  if (p.approval) output.err(c.dim(`the action asks for approval${p.approval === 'always' ? '' : ` above ${n(p.approval.above)} records`}: the run waits for \`isthmus approve ${p.id}\``))
  if (p.misfits === 0) return
  output.err(c.yellow(`${n(p.misfits)} of ${n(p.records)} do not fit and will be set aside:`))
  for (const m of p.samples) output.err(c.yellow(`  record ${n(m.record)}: ${plain(m.reason)}`))
}
