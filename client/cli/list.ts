import { Command } from 'commander'
import { tableName } from '../../model/table-name.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { RunSummary } from '../../model/ports.ts'
import { splitTenant } from '../../model/tenant.ts'
import { formatDuration } from '../../model/duration.ts'
import { surveyProject, useOneOf, type SurveyedFile } from '../../project/index.ts'
import { action, projectOption } from './action.ts'
import { EXIT, n, plain, table, type Output } from './output.ts'
import { IDLE, took, withRuns } from './runs.ts'

const MOST = 1000

interface Options {
  sync?: string
  tenant?: string
  limit: string
  json?: boolean
  project: string
}

/** `isthmus list`: the syncs of the project and the newest runs. A sync that does not load is marked, and hides no other. */
export function listCommand(): Command {
  return new Command('list')
    .description('the syncs of the project, and the newest runs')
    .option('--sync <id>', 'only runs of this sync')
    .option('--tenant <name>', 'only runs of this tenant')
    .option('--limit <n>', `how many runs, up to ${MOST}`, '20')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action(async (output, options: Options) => {
        const limit = limitOf(options.limit)
        const files = await surveyProject(options.project)
        return withRuns(options.project, output, async (past, idle) => {
          const runs = await past.list({ limit, ...(options.sync !== undefined && { sync: options.sync }), ...(options.tenant !== undefined && { tenant: options.tenant }) })
          if (options.sync !== undefined && runs.length === 0 && !files.some((f) => f.id === splitTenant(options.sync!).id)) throw unknownSync(options.sync, files)
          if (options.json) output.json({ syncs: files.map(jsonFile), runs: runs.map((r) => ({ ...r, receipt: undefined, total: r.receipt?.total ?? null })) })
          else show(output, files, runs, idle)
          return EXIT.ok
        })
      }),
    )
}

function limitOf(text: string): number {
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > MOST) throw new IsthmusError('InvalidInput', `"${text.slice(0, 40)}" is no number of runs`, { field: '--limit', cure: `give a whole number from 1 to ${MOST}` })
  return limit
}

function unknownSync(id: string, files: SurveyedFile[]): IsthmusError {
  const known = files.map((f) => f.id)
  return new IsthmusError('NotFound', `there is no sync "${id}", and no run of one of that name`, { field: '--sync', cure: known.length > 0 ? useOneOf(id, known) : 'write the first one: see the README, or run `isthmus init`' })
}

function jsonFile({ id, file, sync, error }: SurveyedFile): Record<string, unknown> {
  return {
    id, file: file.file, streams: sync?.plan.streams.map((s) => s.name) ?? [], every: sync?.plan.every ?? null,
    error: error && { type: error.type, message: error.message, field: error.field ?? null, cure: error.cure ?? null },
  }
}

function show(output: Output, files: SurveyedFile[], runs: RunSummary[], idle: boolean): void {
  const good = files.filter((f) => f.sync !== null)
  const rows = good.map(({ id, sync }) => [id, sync!.plan.streams.map((s) => s.name).join(', '), sync!.plan.streams.map((s) => tableName(s)).join(', ')])
  output.out(rows.length > 0 ? table([['sync', 'streams', 'to'], ...rows]) : 'no syncs that load')
  // Below the table: a long reason would widen its columns.
  for (const { id, error } of files) if (error) output.out(`${output.color.red('broken')} ${plain(id)}: ${plain(error.format().replace(/\s+/g, ' '))}`)
  output.out('')
  output.out(runs.length ? table([['run', 'sync', 'outcome', 'records', 'took', 'started'], ...runs.map((r) => runRow(r))], [3]) : 'no runs yet: isthmus run <sync>')
  if (idle && runs.some((r) => r.outcome === 'running')) output.err(IDLE)
}

function runRow(r: RunSummary): string[] {
  return [r.run, r.sync, r.outcome, r.receipt ? n(r.receipt.total.read) : '', formatDuration(took(r)), r.startedAt.toISOString().slice(0, 19)]
}
