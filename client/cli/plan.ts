import { Command } from 'commander'
import { formatDuration } from '../../model/duration.ts'
import { guarantee } from '../../model/action.ts'
import type { Value } from '../../model/value.ts'
import type { Plan, StreamPlan } from '../../model/plan.ts'
import { tableName } from '../../model/table-name.ts'
import { requireEnvironment, projectEnvironment } from '../../project/index.ts'
import type { Estimate } from '../estimate.ts'
import { Isthmus } from '../isthmus.ts'
import { action, projectOption } from './action.ts'
import { EXIT, n, plain, table, type Output } from './output.ts'

/** `isthmus plan <sync>`: what a sync compiles to, and what a run of it will cost. Starts nothing. */
export function planCommand(): Command {
  return new Command('plan')
    .description('print what a sync compiles to, with the expected calls and time; starts nothing')
    .argument('<sync>', 'id of the sync: its path below syncs/')
    .option('--json', 'the whole plan as one JSON line')
    .addOption(projectOption())
    .action(
      action(async (output, id: string, options: { json?: boolean; project: string }) => {
        const isthmus = new Isthmus({ projectDir: options.project })
        try {
          const plan = await isthmus.syncs.plan(id)
          const estimates = await isthmus.syncs.estimate(id)
          if (options.json) output.json({ ...plan, estimates })
          else show(output, plan, estimates)
          warnMissing(output, plan, options.project)
          return EXIT.ok
        } finally {
          await isthmus.close()
        }
      }),
    )
}

/** A plan can be read without its environment; a run cannot start. */
function warnMissing(output: Output, plan: Plan, projectDir: string): void {
  try {
    requireEnvironment(plan, projectEnvironment(projectDir))
  } catch (error) {
    output.err(`${output.color.yellow('note')} ${(error as { format?: () => string }).format?.() ?? String(error)}`)
  }
}

function show(output: Output, plan: Plan, estimates: Estimate[]): void {
  const c = output.color
  output.out(`${c.bold(plain(plan.id))}  ${c.dim(`${plan.file}, plan ${plan.hash.slice(0, 12)}`)}${plan.every ? `, every ${plan.every}` : ''}`)
  for (const [i, s] of plan.streams.entries()) {
    const e = estimates[i]
    const base = shownValue(s.source.baseUrl)
    const limits = s.source.limits.map((l) => `${l.requests} per ${l.per}`).join(', ')
    output.out('')
    output.out(`${c.bold(plain(s.name))}`)
    output.out(`  from        ${s.stream.sql ? `query by ${s.stream.sql.key.join(', ')}: ${plain(s.stream.sql.text.replace(/\s+/g, ' ')).slice(0, 200)}` : `${s.stream.method} ${base}${s.stream.path}, paging ${s.stream.page.kind}, records at ${JSON.stringify(s.stream.records)}`}`)
    output.out(`  connection  ${s.connection}: auth ${s.source.auth.kind}, ${s.source.concurrency} at a time${limits ? `, ${limits}` : ''}`)
    for (const line of destinationLines(s)) output.out(line)
    const { incremental } = s.stream
    if (incremental?.kind === 'field') output.out(`  increments  by ${JSON.stringify(incremental.field)}${incremental.overlap ? `, overlap ${incremental.overlap}` : ''}`)
    else if (incremental) output.out(`  increments  ${incremental.kind === 'etag' ? 'by ETag: nothing is read when nothing has changed' : `by the token at ${JSON.stringify(incremental.token)}`}`)
    output.out(`  expected    ${expected(e)}`)
    output.out('')
    const rows = s.columns.map((col) => [col.name, typeName(col.type), col.nullable ? 'null' : 'not null', s.mapping.kind === 'fields' ? origin(s.mapping.fields[col.name]) : 'map function'])
    output.out(table([['column', 'type', '', 'from'], ...rows]).replace(/^/gm, '  '))
  }
  output.out('')
  const actions = plan.streams.some((s) => s.destination.kind === 'action')
  output.out(c.dim(`guarantee: every source record is read at least once and takes effect once per destination key${actions ? ', at an API as its line "delivery" says' : ''}; --json prints the whole plan`))
}

/** Where a stream goes, and for an action what holds a record from taking effect twice. */
function destinationLines(s: StreamPlan): string[] {
  const by = `${s.mode}${s.key.length ? ` by ${s.key.join(', ')}` : ''}`
  const to = s.destination
  if (to.kind === 'postgres') return [`  to          ${tableName(s)}, ${by}`]
  const { action } = to
  const base = shownValue(to.source.baseUrl)
  const limits = to.source.limits.map((l) => `${l.requests} per ${l.per}`).join(', ')
  return [
    `  to          action ${action.name}: ${action.method} ${base}${action.path}, ${by}${action.batch ? `, ${action.batch.size} in a request` : ''}`,
    `              connection ${to.connection}: auth ${to.source.auth.kind}, ${to.source.concurrency} at a time${limits ? `, ${limits}` : ''}`,
    `  delivery    ${guarantee(action, s.key)}`,
    ...(action.approval ? [`  approval    ${action.approval === 'always' ? 'always' : `above ${n(action.approval.above)} records`}: the run waits for isthmus approve`] : []),
  ].map(plain)
}

function expected(e: Estimate | undefined): string {
  if (!e || e.basis === 'unknown') return 'not known before the first run (give the stream `expect: <records>` for an estimate)'
  const parts = [e.records === null ? null : `${n(e.records)} records`, e.calls === null ? null : `${n(e.calls)} calls`, e.seconds === null ? null : `about ${formatDuration(e.seconds * 1000)}`]
  return `${parts.filter(Boolean).join(', ')} (${e.basis})`
}

function typeName(type: Plan['streams'][number]['columns'][number]['type']): string {
  if (type.kind === 'decimal') return type.precision === null ? 'decimal' : `decimal(${type.precision},${type.scale ?? 0})`
  return type.kind === 'enum' ? `enum ${type.values.slice(0, 4).join('|')}` : type.kind
}

function origin(rule: { path: string | string[] | null; value?: unknown } | undefined): string {
  if (!rule) return 'null'
  return rule.path === null ? `constant ${JSON.stringify(rule.value)}` : [rule.path].flat().join('.')
}

/** A value of the plan as people read it: references by their names. */
function shownValue(value: Value): string {
  if (typeof value === 'string') return value
  if ('template' in value) return value.template
  return 'env' in value ? `$${value.env}` : `(${'setting' in value ? `setting ${value.setting}` : `credential ${value.credential}`} of the connection)`
}
