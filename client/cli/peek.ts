import { Command } from 'commander'
import { Isthmus } from '../isthmus.ts'
import type { Peek } from '../peek.ts'
import { action, projectOption } from './action.ts'
import { EXIT, n, plain, table, type Output } from './output.ts'

const WIDEST = 32

/** `isthmus peek <sync>`: the first page of the source, mapped; starts nothing. */
export function peekCommand(): Command {
  return new Command('peek')
    .description('read and map the first page of a source and show it; starts nothing, writes nothing, goes before all runs of the account')
    .argument('<sync>', 'id of the sync: its path below syncs/')
    .option('-s, --stream <name...>', 'only these streams of the sync')
    .option('--limit <n>', 'rows to show of each stream', (v) => Math.min(1_000, Math.max(1, Number.parseInt(v, 10) || 5)), 5)
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action(async (output, id: string, options: { stream?: string[]; limit: number; json?: boolean; project: string }) => {
        const isthmus = new Isthmus({ projectDir: options.project })
        try {
          const peeks = await isthmus.syncs.peek(id, { limit: options.limit, ...(options.stream && { streams: options.stream }) })
          if (options.json) output.json({ sync: id, streams: peeks })
          else for (const one of peeks) show(output, one)
          return peeks.some((p) => p.rejected.length > 0) ? EXIT.rejects : EXIT.ok
        } finally {
          await isthmus.close()
        }
      }),
    )
}

function show(output: Output, p: Peek): void {
  const c = output.color
  output.out(`${c.bold(plain(p.stream))}  ${n(p.records)} records on the first page${p.more ? ', there are more pages' : ', the only one'}; ${p.ms} ms`)
  const cell = (value: string | null | undefined): string => {
    const text = plain(value ?? 'null').replace(/\s+/g, ' ')
    return text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text
  }
  if (p.rows.length > 0) output.out(table([p.columns, ...p.rows.map((r) => p.columns.map((name) => cell(r[name])))]).replace(/^/gm, '  '))
  if (p.filtered > 0) output.out(`  ${n(p.filtered)} left out by the map function`)
  for (const r of p.rejected) output.out(`  ${c.yellow('rejected')} ${r.field ? `${plain(r.field)}: ` : ''}${plain(r.reason)}`)
}
