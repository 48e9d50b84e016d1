import { Command } from 'commander'
import { formatDuration } from '../../model/duration.ts'
import { durationText } from '../../model/schedule.ts'
import { Isthmus } from '../isthmus.ts'
import type { ScheduleView } from '../schedules/index.ts'
import { action, projectOption } from './action.ts'
import { EXIT, n, plain, table, type Output } from './output.ts'

interface Options {
  json?: boolean
  note?: string
  project: string
}

/** `isthmus schedules`: what is deployed, and how it stands. */
export function schedulesCommand(): Command {
  const command = new Command('schedules').description('what starts by itself: list, show, pause, resume, trigger (isthmus deploy brings schedules to Temporal)')
  command.addCommand(
    part('list', 'deployed schedules, with their next and last runs').action(action((output, options: Options) => withSchedules(options, async (schedules) => {
      const all = await schedules.list()
      if (options.json) output.json(all)
      else list(output, all)
      return EXIT.ok
    }))),
    { isDefault: true },
  )
  command.addCommand(part('show', 'one schedule: next and last runs, note, what was skipped and why').argument('<sync>').action(one((schedules, sync) => schedules.get(sync), show)))
  command.addCommand(part('pause', 'let a schedule start no runs; an open run goes on').argument('<sync>').option('--note <text>', 'why, shown wherever the schedule is').action(one((schedules, sync, { note }) => schedules.pause(sync, note ?? ''), told('paused; resume it with: isthmus schedules resume'))))
  command.addCommand(part('resume', 'let a paused schedule start runs again').argument('<sync>').option('--note <text>', 'shown wherever the schedule is').action(one((schedules, sync, { note }) => schedules.resume(sync, note), told('resumed'))))
  command.addCommand(
    part('trigger', 'start a run now, with what was deployed').argument('<sync>').action(action((output, sync: string, options: Options) => withSchedules(options, async (schedules) => {
      const run = await schedules.trigger(sync)
      if (options.json) output.json({ sync, run })
      else output.out(`run ${run} of ${plain(sync)} has begun: isthmus status ${run}`)
      return EXIT.ok
    }))),
  )
  return command
}

function part(name: string, description: string): Command {
  return new Command(name).description(description).option('--json', 'one JSON line').addOption(projectOption())
}

async function withSchedules(options: Options, body: (schedules: Isthmus['schedules']) => Promise<number>): Promise<number> {
  const isthmus = new Isthmus({ projectDir: options.project })
  try {
    return await body(isthmus.schedules)
  } finally {
    await isthmus.close()
  }
}

function one(call: (schedules: Isthmus['schedules'], sync: string, options: Options) => Promise<ScheduleView>, text: (output: Output, view: ScheduleView) => void) {
  return action((output: Output, sync: string, options: Options) => withSchedules(options, async (schedules) => {
    const view = await call(schedules, sync, options)
    if (options.json) output.json(view)
    else text(output, view)
    return EXIT.ok
  }))
}

const told = (what: string) => (output: Output, { sync }: ScheduleView): void => output.out(`${plain(sync)}: ${what}${what.endsWith('resume') ? ` ${plain(sync)}` : ''}`)

function list(output: Output, all: ScheduleView[]): void {
  if (all.length === 0) return output.out("no schedule is deployed: write every: '15m' into a sync, then isthmus deploy")
  output.out(table([['sync', 'schedule', 'state', 'next (UTC)', 'last run', 'outcome'], ...all.map((v) => [v.sync, v.schedule, state(v), time(v.next[0]), v.last[0]?.run ?? '', v.last[0]?.outcome ?? ''])]))
  for (const v of all) if (v.paused && v.note) output.out(output.color.dim(`${plain(v.sync)} is paused: ${plain(v.note)}`))
}

function state({ missing, paused, open }: ScheduleView): string {
  if (missing) return 'not in Temporal'
  return [paused && 'paused', open && (open.parked ? 'run parked' : 'running')].filter(Boolean).join(', ') || 'waiting'
}

const time = (at: Date | undefined | null): string => at?.toISOString().slice(0, 19).replace('T', ' ') ?? ''

function show(output: Output, v: ScheduleView): void {
  const line = (name: string, text: string): void => output.out(`  ${name.padEnd(10)}${plain(text)}`)
  output.out(`${output.color.bold(plain(v.sync))}  ${plain(v.schedule)}`)
  line('state', state(v))
  if (v.note) line('note', v.note)
  if (v.missing) line('', 'somebody has deleted it in Temporal: isthmus deploy makes it anew')
  line('policy', `${{ skip: 'skipped', bufferOne: 'started afterwards, one at most,', cancelOther: 'started, and the open run cancelled,' }[v.overlap]} when the run before is open; missed starts up to ${durationText(v.catchUpMs)} ago are made up for`)
  if (v.open) line('open run', `${v.open.run}${v.open.parked ? `, parked: due times are skipped until isthmus status ${v.sync} is seen to` : ''}`)
  line('next', v.next.map(time).join(', ') || (v.paused ? 'none while it is paused' : 'none'))
  const { overlap, open, missed, reason, at } = v.skipped
  if (overlap + open + missed > 0) line('skipped', [overlap > 0 && `${n(overlap)} while the run before was open`, open > 0 && `${n(open)} for another reason (last ${time(at)}: ${reason})`, missed > 0 && `${n(missed)} missed`].filter(Boolean).join('; '))
  line('deployed', `${time(v.deployedAt)}, plan ${v.plan.slice(0, 12)}, in Temporal ${v.scheduleId}`)
  if (v.last.length > 0) output.out(table([['  last runs', 'due', 'began after', 'outcome'], ...v.last.map((r) => [`  ${r.run}`, time(r.dueAt), formatDuration(Math.max(0, r.startedAt.getTime() - r.dueAt.getTime())), r.outcome])]))
}
