import { Command } from 'commander'
import { formatDuration } from '../../model/duration.ts'
import { IsthmusError } from '../../model/errors.ts'
import { projectEnvironment } from '../../project/index.ts'
import { findTemporal } from '../connect.ts'
import { unreachable, type HealthReport } from '../health.ts'
import { Isthmus } from '../isthmus.ts'
import { action, projectOption } from './action.ts'
import { EXIT, plain, table, type Output } from './output.ts'

/** `isthmus health`: how everything is, for people and scripts. */
export function healthCommand(): Command {
  return new Command('health')
    .description('how everything is: Temporal, PostgreSQL, workers, connections, freshness of streams')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .addHelpText('after', '\nExit codes: 0 healthy (notices may be shown), 1 there are problems, 2 it could not be looked at (no stack is known, settings are wrong).')
    .action(
      action(async (output, options: { json?: boolean; project: string }) => {
        const report = await look(options.project)
        if (options.json) output.json(report)
        else show(output, report)
        return report.healthy ? EXIT.ok : EXIT.failed
      }),
    )
}

async function look(projectDir: string): Promise<HealthReport> {
  // That no stack is known at all is a mistake of the call; that one does not answer is what health is about.
  await findTemporal(projectDir, projectEnvironment(projectDir))
  const isthmus = new Isthmus({ projectDir })
  try {
    return await isthmus.health()
  } catch (error) {
    if (!(error instanceof IsthmusError) || (error.type !== 'Unreachable' && error.type !== 'Transient')) throw error
    return unreachable(/Temporal/.test(error.message) ? 'temporal' : 'database', error.message, error.cure ?? 'see that it runs and can be reached')
  } finally {
    await isthmus.close().catch(() => undefined)
  }
}

function show(output: Output, { healthy, checks, workers, problems, streams, checkedAt }: HealthReport): void {
  const { color } = output
  output.out(healthy ? color.green('healthy') : color.red('not healthy'))
  const mark = (ok: boolean): string => (ok ? color.green('ok') : color.red('problem'))
  output.out(Object.entries(checks).map(([name, ok]) => `${name} ${mark(ok)}`).join(', ') + `; ${workers} ${workers === 1 ? 'worker' : 'workers'}`)
  for (const p of problems) {
    const shade = p.severity === 'error' ? color.red : p.severity === 'warning' ? color.yellow : color.dim
    output.out(`\n${shade(p.severity)} ${plain(p.what)}`)
    output.out(`  since ${p.since.toISOString().slice(0, 19)}Z (${formatDuration(Math.max(0, checkedAt.getTime() - p.since.getTime()))})${p.cure ? `; ${plain(p.cure)}` : ''}`)
  }
  if (streams.length === 0) return
  const age = (at: Date | null): string => (at ? formatDuration(Math.max(0, checkedAt.getTime() - at.getTime())) : '')
  output.out(`\n${table([['sync', 'stream', 'state', 'last success', 'target', 'watermark', 'rejects'], ...streams.map((s) => [s.sync, s.stream, s.state, age(s.lastSuccessAt), s.targetMs === null ? '' : formatDuration(s.targetMs), age(s.watermarkAt), s.rejectsOpen ? String(s.rejectsOpen) : ''])], [6])}`)
}
