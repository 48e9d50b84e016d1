import { Command } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import { Isthmus } from '../isthmus.ts'
import type { Deployed, ScheduleChange } from '../schedules/index.ts'
import { action, projectOption } from './action.ts'
import { EXIT, plain, type Output } from './output.ts'
import { canAsk, confirmed } from './prompts.ts'

interface Options {
  dryRun?: boolean
  yes?: boolean
  settings: boolean
  buildId?: string
  json?: boolean
  project: string
}

/** `isthmus deploy`: schedules as the syncs declare them, with a look at the difference before. */
export function deployCommand(): Command {
  return new Command('deploy')
    .description('bring the schedules that the syncs declare to Temporal, with their plans and sealed settings; shows the difference before')
    .option('--dry-run', 'show the difference only')
    .option('-y, --yes', 'change what differs without asking')
    .option('--no-settings', 'seal no values of env(): runs take them from the environment of the worker')
    .option('--build-id <id>', 'then let new runs go to the workers of this release (ISTHMUS_BUILD_ID); open runs stay with theirs')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .addHelpText('after', '\nOpen runs go on with the plan they were started with; a schedule that somebody has paused stays paused.\nExit code: 0 as declared now, 2 refused, or not confirmed, before anything was changed; --dry-run: 0 no difference, 5 there are differences.')
    .action(
      action(async (output, options: Options) => {
        const isthmus = new Isthmus({ projectDir: options.project })
        try {
          const confirm = async (changes: ScheduleChange[]): Promise<boolean> => {
            if (!options.json) show(output, changes)
            if (options.yes) return true
            if (options.json || !canAsk()) throw new IsthmusError('InvalidInput', `${summary(changes)}: not changed without being confirmed`, { field: '--yes', cure: 'look at it with --dry-run, then add --yes' })
            return confirmed('Deploy this?')
          }
          const { changes, applied } = await isthmus.schedules.deploy({ dryRun: options.dryRun === true, settings: options.settings, confirm })
          const code = end(output, options, { changes, applied })
          if (code === EXIT.ok && options.buildId && !options.dryRun) {
            const before = await isthmus.schedules.useRelease(options.buildId)
            output.err(`new runs go to release ${plain(options.buildId)}${before && before !== options.buildId ? ` instead of ${plain(before)}` : ''}`)
          }
          return code
        } finally {
          await isthmus.close()
        }
      }),
    )
}

function end(output: Output, options: Options, { changes, applied }: Deployed): number {
  const some = changes.some((c) => c.change !== 'unchanged')
  if (options.json) output.json({ applied, dryRun: options.dryRun === true, changes })
  else {
    if (!some || options.dryRun) show(output, changes)
    output.out(applied ? `${output.color.green('deployed')}: ${summary(changes)}` : some && !options.dryRun ? 'not deployed' : summary(changes))
  }
  if (options.dryRun) return some ? EXIT.differs : EXIT.ok
  return some && !applied ? EXIT.refused : EXIT.ok
}

/** `1 added, 2 changed, 5 unchanged`. */
export function summary(changes: ScheduleChange[]): string {
  const parts = (['added', 'changed', 'removed', 'unchanged'] as const).map((kind) => [changes.filter((c) => c.change === kind).length, kind] as const).filter(([n]) => n > 0)
  return parts.length > 0 ? parts.map(([n, kind]) => `${n} ${kind}`).join(', ') : 'no sync declares a schedule, and none is deployed'
}

function show(output: Output, changes: ScheduleChange[]): void {
  const { color } = output
  const mark = { added: color.green('+'), changed: color.yellow('~'), removed: color.red('-'), unchanged: ' ' }
  for (const { sync, change, schedule, fields } of changes) {
    output.out(`${mark[change]} ${plain(sync)}  ${change}  ${color.dim(plain(schedule))}`)
    if (change === 'changed') for (const f of fields) output.out(`    ${plain(f.field)}: ${plain(f.from) || '(none)'} → ${plain(f.to) || '(none)'}`)
  }
}
