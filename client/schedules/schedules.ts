import { setTimeout as sleep } from 'node:timers/promises'
import { ScheduleOverlapPolicy } from '@temporalio/client'
import { at, IsthmusError } from '../../model/errors.ts'
import type { Plan } from '../../model/plan.ts'
import { requireEnvironment, surveyProject, useOneOf, type Environment } from '../../project/index.ts'
import { describeSchedule, scheduleHandle } from '../../workers/schedules.ts'
import { makeCurrent, workerVersion } from '../../workers/version.ts'
import type { DeployedSchedule } from '../../model/schedules.ts'
import type { Opened } from '../isthmus.ts'
import { deploy, type Deployed, type DeployOptions } from './deploy.ts'
import type { ScheduleChange } from './diff.ts'
import { inTurns } from './in-turns.ts'
import { scheduleView, type ScheduleView } from './view.ts'

/** Runs that are looked through for those a schedule started. */
const RECENT = 10
const STARTS_WITHIN_MS = 15_000

interface Context {
  projectDir: string
  environment(): Environment
  connect(): Promise<Opened>
}

/** The schedules of a project: declared by its syncs, brought to Temporal by `deploy`. */
export class Schedules {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** All deployed schedules, by sync. */
  async list(): Promise<ScheduleView[]> {
    const opened = await this.#context.connect()
    return inTurns(await opened.store.listSchedules(), (d) => look(opened, d))
  }

  /** One schedule. Throws NotFound. */
  async get(sync: string): Promise<ScheduleView> {
    const opened = await this.#context.connect()
    return look(opened, await known(opened, sync))
  }

  /** What `deploy` would do. */
  async diff(options: Pick<DeployOptions, 'settings'> = {}): Promise<ScheduleChange[]> {
    return (await this.deploy({ ...options, dryRun: true })).changes
  }

  /**
   * Brings what the syncs of the project declare to Temporal, with their plans and the sealed values of `env()`: schedules that are new are made, others
   * changed or removed; whether one is paused stays. Open runs go on with the plan they were started with. Throws IsthmusError (InvalidInput,
   * MissingEnvironment, ...) before anything is changed. `lenient`: a sync that does not load, or lacks its environment, keeps the schedule it has,
   * and is told to `problem`.
   */
  async deploy(options: DeployOptions & { lenient?: (problem: IsthmusError) => void } = {}): Promise<Deployed> {
    const files = await surveyProject(this.#context.projectDir)
    const opened = await this.#context.connect()
    const environment = this.#context.environment()
    const problem = (error: IsthmusError): void => {
      if (!options.lenient) throw error
      options.lenient(error)
    }
    const syncs = []
    const keep = new Set<string>()
    let whole = true
    for (const { file, sync, error } of files) {
      if (!sync) {
        // Whose schedule it is cannot be told, so none is taken for gone.
        whole = false
        problem(at(error!, { file: file.file }))
      } else if (sync.plan.schedule === null || !options.lenient || options.settings === false || complete(sync.plan, environment, problem)) syncs.push(sync)
      else keep.add(sync.plan.id)
    }
    return deploy(opened, syncs, environment, options, (sync) => !whole || keep.has(sync))
  }

  /**
   * Makes a release of the workers (`ISTHMUS_BUILD_ID`) the one that new runs go to; open runs stay with theirs. Gives the one before, '' when there was none.
   * Throws NotFound when no worker of it has been seen.
   */
  async useRelease(buildId: string): Promise<string> {
    const { client } = await this.#context.connect()
    return makeCurrent(client, workerVersion({ ...this.#context.environment(), ISTHMUS_BUILD_ID: buildId })!)
  }

  /** Stops a schedule from starting runs until it is resumed, also over deploys; an open run goes on. `note`: why, shown wherever the schedule is. Throws NotFound. */
  async pause(sync: string, note: string): Promise<ScheduleView> {
    const opened = await this.#context.connect()
    const deployed = await known(opened, sync)
    await opened.store.setSchedulePausedFor(sync, null)
    await scheduleHandle(opened.client, sync).pause(note || 'paused')
    return look(opened, { ...deployed, pausedFor: null })
  }

  /** Lets a schedule start runs again; what was due meanwhile is not made up for. Throws NotFound. */
  async resume(sync: string, note = 'resumed'): Promise<ScheduleView> {
    const opened = await this.#context.connect()
    const deployed = await known(opened, sync)
    await opened.store.setSchedulePausedFor(sync, null)
    await scheduleHandle(opened.client, sync).unpause(note)
    return look(opened, { ...deployed, pausedFor: null })
  }

  /** Has a schedule start a run now, with what was deployed, also while it is paused. Gives the run's id. Throws NotFound, or AlreadyRunning while one is open. */
  async trigger(sync: string): Promise<string> {
    const opened = await this.#context.connect()
    const before = await look(opened, await known(opened, sync))
    if (before.open) throw new IsthmusError('AlreadyRunning', `run ${before.open.run} of "${sync}" is ${before.open.parked ? 'parked' : 'under way'}`, { cure: before.open.parked ? `isthmus status ${sync} tells what it waits for` : `wait for it (isthmus status ${sync}) or stop it (isthmus cancel ${sync})` })
    const newest = (await opened.store.listRuns({ sync, limit: 1 }))[0]?.run
    await scheduleHandle(opened.client, sync).trigger(ScheduleOverlapPolicy.ALLOW_ALL)
    for (const until = Date.now() + STARTS_WITHIN_MS; Date.now() < until; await sleep(100)) {
      const run = (await opened.store.listRuns({ sync, limit: 1 }))[0]?.run
      if (run !== undefined && run !== newest) return run
    }
    throw new IsthmusError('Transient', `the run of "${sync}" has not begun within ${STARTS_WITHIN_MS / 1000} s`, { cure: 'it does when a worker runs: start `isthmus worker` or `isthmus dev`' })
  }
}

/** The environment has all that a plan needs; if not, that is told. */
function complete(plan: Plan, environment: Environment, problem: (error: IsthmusError) => void): boolean {
  try {
    requireEnvironment(plan, environment)
    return true
  } catch (error) {
    problem(at(error, { file: plan.file }))
    return false
  }
}

async function known({ store, client }: Opened, sync: string): Promise<DeployedSchedule> {
  const all = await store.listSchedules()
  const found = all.find((d) => d.sync === sync)
  if (!found) throw new IsthmusError('NotFound', `there is no deployed schedule of "${sync}"`, { cure: all.length > 0 ? useOneOf(sync, all.map((d) => d.sync)) : 'declare one (every: \'15m\') and run `isthmus deploy`' })
  if (!(await describeSchedule(client, sync))) throw new IsthmusError('NotFound', `the schedule of "${sync}" is not in Temporal any more`, { cure: 'make it anew with `isthmus deploy`' })
  return found
}

async function look({ store, client }: Opened, deployed: DeployedSchedule): Promise<ScheduleView> {
  const [there, runs] = await Promise.all([describeSchedule(client, deployed.sync), store.listRuns({ sync: deployed.sync, limit: RECENT })])
  const running = runs[0]?.outcome === 'running' ? runs[0] : null
  const open = running && { run: running.run, parked: (await store.progress(running.run)).some((p) => p.phase === 'parked') }
  return scheduleView(deployed, there, runs, open)
}
