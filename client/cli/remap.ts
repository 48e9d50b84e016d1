import { createInterface } from 'node:readline/promises'
import { Command, InvalidArgumentError } from 'commander'
import type { StreamRemap } from '../../model/remap.ts'
import { Isthmus } from '../isthmus.ts'
import { action, projectOption } from './action.ts'
import { EXIT, n, plain, table, type Output } from './output.ts'
import { ensureStack } from './stack.ts'

/** Examples shown on a terminal; `--json` has up to 20. */
const SHOWN = 5

interface Options {
  stream?: string
  runs?: number
  apply?: boolean
  yes?: boolean
  json?: boolean
  project: string
}

/** `isthmus remap <sync>`: a changed mapping for rows that are there already. */
export function remapCommand(): Command {
  return new Command('remap')
    .description('apply the changed mapping of a sync to the pages still staged (7 days), with no request to the source; shows the difference first')
    .argument('<sync>', 'id of the sync: its path below syncs/')
    .option('--stream <name>', 'only this stream of the sync')
    .option('--runs <n>', 'only the pages of the newest runs', count)
    .option('--apply', 'change the rows')
    .option('--yes', 'with --apply: do not ask')
    .option('--json', 'one JSON line with the difference, and up to 20 rows before and after')
    .addOption(projectOption())
    .addHelpText('after', '\nWithout --apply nothing is changed; on a terminal it asks whether to go on.')
    .action(
      action(async (output, id: string, options: Options) => {
        const stack = await ensureStack(options.project, output)
        const isthmus = new Isthmus({ projectDir: options.project })
        const stop = new AbortController()
        const interrupt = (): void => stop.abort()
        process.once('SIGINT', interrupt)
        const remap = (apply: boolean) => isthmus.remap(id, { apply, signal: stop.signal, ...(options.stream && { stream: options.stream }), ...(options.runs && { runs: options.runs }) })
        try {
          const asks = process.stdin.isTTY === true && process.stderr.isTTY === true && !options.yes && !options.json
          let results = await remap(options.apply === true && !asks)
          if (!options.json) for (const r of results) show(output, r)
          const needed = results.some((r) => changes(r) > 0)
          if (asks && needed && (await confirmed(output))) {
            results = await remap(true)
            for (const r of results) output.out(output.color.green(`${plain(r.stream)}: ${n(r.difference.changed)} rows changed, ${n(r.difference.inserted)} inserted`))
          } else if (!options.apply && needed && !options.json) output.err('nothing was changed; --apply changes the rows')
          if (options.json) output.json({ applied: results.every((r) => r.applied), streams: results })
          return EXIT.ok
        } finally {
          process.off('SIGINT', interrupt)
          await isthmus.close()
          await stack.stop()
        }
      }),
    )
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It is a number of runs, from 1.')
  return Number(text)
}

async function confirmed(output: Output): Promise<boolean> {
  const ask = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await ask.question(output.color.bold('Change these rows? [y/N] '))).trim())
  } finally {
    ask.close()
  }
}

const changes = ({ difference: d }: StreamRemap): number => d.inserted + d.changed + d.removed

function show(output: Output, r: StreamRemap): void {
  const { difference: d, cover } = r
  const c = output.color
  const would = (done: string, open: string): string => (r.applied ? done : open)
  output.out(c.bold(`${plain(r.stream)} → ${plain(r.table)}`))
  output.out(`staged: ${n(cover.records)} records of ${n(cover.runs)} ${cover.runs === 1 ? 'run' : 'runs'}${cover.since ? ` since ${cover.since}` : ''}${cover.limit ? `; ${cover.limit}` : ''}`)
  output.out('rows whose pages are no longer staged stay as they are')
  const lines: [number, string][] = [
    [d.inserted, would('inserted', 'would be inserted')], [d.changed, would('changed', 'would be changed')], [d.removed, would('removed', 'would be removed')], [d.unchanged, 'unchanged'],
    [d.filteredStays, 'left out by the mapping now: would be filtered, row stays'], [d.rejectedStays, 'rejected by the mapping now: row stays'],
    [d.absent, 'not in the table and left out: the stream removes rows, so they may be gone at the source'], [d.refused.count, 'refused by the table: correct this before --apply'],
  ]
  output.out(table(lines.filter(([count], i) => count > 0 || i < 2).map(([count, what]) => [n(count), what]), [0]))
  if (r.filtered + r.rejected > 0) output.out(`of the records: ${n(r.filtered)} left out, ${n(r.rejected)} rejected by the new mapping`)
  for (const e of r.examples.slice(0, SHOWN)) output.out(c.yellow(`  rejected: ${plain(e.reason)}`))
  for (const reason of d.refused.reasons.slice(0, SHOWN)) output.out(c.yellow(`  refused: ${plain(reason)}`))
  const columns = Object.entries(d.columns).sort(([, a], [, b]) => b - a)
  if (columns.length > 0) output.out(`changes by column: ${columns.map(([name, count]) => `${plain(name)} ${n(count)}`).join(', ')}`)
  for (const s of d.samples.slice(0, SHOWN)) {
    const key = Object.entries(s.key).map(([name, v]) => `${name}=${v}`).join(' ')
    const cells = Object.keys(s.after).filter((name) => !(name in s.key) && (s.before === null || s.before[name] !== s.after[name]))
    output.out(`  ${plain(key)}  ${cells.map((name) => `${plain(name)}: ${s.before === null ? '' : `${cell(s.before[name])} → `}${cell(s.after[name])}`).join(', ')}`)
  }
  output.out('')
}

function cell(value: string | null | undefined): string {
  if (value === null || value === undefined) return 'null'
  const text = plain(value).replace(/\s+/g, ' ')
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}
