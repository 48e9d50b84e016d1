import type { Client } from '@temporalio/client'
import type { Plan } from '../../model/plan.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { Store } from '../../model/ports.ts'
import { wanted } from '../../model/webhook.ts'
import { loadProject, projectWebhooks, requireEnvironment, resolver, type Environment, type ProjectWebhook } from '../../project/index.ts'
import { deployedSettings } from '../../model/schedules.ts'
import type { triggered } from '../../workflows/triggered.ts'
import { receiveEvents, type Delivery } from '../../protocols/webhook/index.ts'
import { TASK_QUEUE } from '../../workers/queues.ts'


interface Context {
  projectDir: string
  environment(): Environment
  connect(): Promise<{ store: Store; client: Client }>
}

/** What became of a request. */
export interface Received {
  webhook: string
  /** Events in it. */
  events: number
  /** Those that had not been received before. */
  fresh: number
}

/** How long descriptions of the project are believed. */
const KNOWN_MS = 30_000
/** Events that syncs were told of are kept so long; their streams have read them by then. */
const KEEP_MS = 30 * 86_400_000
/** It goes through all events, so that it is not done with every look for those that wait. */
const PURGE_EVERY_MS = 3_600_000

/**
 * Events that systems tell of by themselves. `isthmus serve` receives them at `/hooks/<name>`; an app with a server of its own hands the requests to `receive`.
 * What was received is in the database before it is acknowledged: then it is lost by nothing, and known when it comes again.
 */
export class Webhooks {
  readonly #context: Context
  #known: { at: number; found: Promise<ProjectWebhook[]> } | null = null
  readonly #telling = new Map<string, Promise<void>>()
  #purgedAt = -Infinity

  constructor(context: Context) {
    this.#context = context
  }

  /** The webhooks that the project's syncs name. */
  list(): Promise<ProjectWebhook[]> {
    const known = this.#known
    if (known && Date.now() - known.at < KNOWN_MS) return known.found
    const found = loadProject(this.#context.projectDir).then(projectWebhooks)
    this.#known = { at: Date.now(), found }
    found.catch(() => (this.#known = null))
    return found
  }

  /**
   * Checks a request's signature, stores its events, and has the syncs that want them run. Resolves once they are stored.
   * Throws NotFound (no such webhook), AuthFailed (signature), Contract (not what the webhook says), MissingEnvironment (the secret is not set).
   */
  async receive(name: string, delivery: Delivery): Promise<Received> {
    const found = (await this.list()).find((w) => w.webhook.name === name)
    if (!found) throw new IsthmusError('NotFound', 'there is no such webhook')
    const { webhook } = found
    const { store } = await this.#context.connect()
    const { secret } = webhook.verify
    const stored = 'credential' in secret ? await store.connectionValues(webhook.connection ?? name) : null
    const { events, fresh } = await receiveEvents(store, webhook, delivery, resolver(this.#context.environment(), stored)(secret))
    // What is stored is told of sooner or later: nothing that goes wrong here is the sender's matter.
    if (fresh > 0) void this.tell(name).catch(() => undefined)
    return { webhook: name, events, fresh }
  }

  /** Tells the syncs of a webhook of the events they were not told of. One at a time; who calls meanwhile waits for another round. */
  async tell(name: string): Promise<void> {
    const before = this.#telling.get(name)
    const next = (before ?? Promise.resolve()).catch(() => undefined).then(() => this.#tell(name))
    this.#telling.set(name, next)
    await next.finally(() => this.#telling.get(name) === next && this.#telling.delete(name))
  }

  async #tell(name: string): Promise<void> {
    const { store, client } = await this.#context.connect()
    const state = await store.inboxState(name)
    if (!state || state.last <= state.told) return
    const types = await store.inboxTypes(name, state.told, state.last)
    const found = (await this.list()).find((w) => w.webhook.name === name)
    const plans = new Set((found?.syncs ?? []).filter((s) => types.some((type) => wanted(s.types, type))).map((s) => s.plan))
    for (const plan of plans) {
      await this.#prepare(store, plan)
      await client.workflow.signalWithStart<typeof triggered, [{ plan: string }]>('triggered', {
        workflowId: `triggered/${plan.id}`, taskQueue: TASK_QUEUE, args: [{ sync: plan.id, plan: null }], signal: 'events', signalArgs: [{ plan: plan.hash }],
        staticSummary: `${plan.id}: runs when events arrive`,
      })
    }
    await store.inboxTold(name, state.last)
  }

  /** A sync that is deployed with a schedule runs with what was deployed; any other with what is known here. */
  async #prepare(store: Store, plan: Plan): Promise<void> {
    await store.savePlan(plan)
    if (await store.getSchedule(plan.id)) return
    const environment = this.#context.environment()
    try {
      await store.saveSettings(deployedSettings(plan.id), requireEnvironment(plan, environment))
    } catch (error) {
      // The workers may know what is missing here.
      if (!(error instanceof IsthmusError) || error.type !== 'MissingEnvironment') throw error
    }
  }

  /** Tells of everything that was stored and not told of, for example before a crash; forgets what is old, at its first call and then hourly. */
  async sweep(): Promise<void> {
    const { store } = await this.#context.connect()
    for (const name of await store.inboxPending()) await this.tell(name)
    if (Date.now() - this.#purgedAt < PURGE_EVERY_MS) return
    this.#purgedAt = Date.now()
    await store.purgeInbox(KEEP_MS)
  }
}
