import { IsthmusError } from '../model/errors.ts'
import type { Plan } from '../model/plan.ts'
import { triggerSchema, type Trigger, type Webhook } from '../model/webhook.ts'
import type { SyncDefinition } from './define.ts'
import type { LoadedSync } from './load.ts'
import { parseOr } from './issues.ts'

/** What makes a sync run beside its schedule: named in `on`, and by streams that are events themselves. Throws InvalidInput. */
export function compileTriggers(definition: SyncDefinition, file: string): Trigger[] {
  const refs = [...(definition.on ?? []).map((on) => ({ on, field: 'on' })), ...definition.flows.flatMap((flow) => (flow.from?.on ? [{ on: flow.from.on, field: 'from' }] : []))]
  return refs.map(({ on, field }) => {
    if ((on as unknown) === null || typeof on !== 'object' || on.kind !== 'trigger') throw new IsthmusError('InvalidInput', 'must be events of a webhook', { file, field, cure: "write on: webhook({ ... }).on('invoice.*')" })
    return parseOr(triggerSchema, { webhook: on.webhook, types: on.types }, { file, field })
  })
}

/** A webhook of a project and the syncs that its events make run. */
export interface ProjectWebhook {
  webhook: Webhook
  syncs: { plan: Plan; types: string[] }[]
}

/** The webhooks that a project's syncs name. Throws InvalidInput when two of them describe one differently. */
export function projectWebhooks(syncs: Pick<LoadedSync, 'plan'>[]): ProjectWebhook[] {
  const found = new Map<string, ProjectWebhook>()
  for (const { plan } of syncs) {
    for (const { webhook, types } of plan.on) {
      const known = found.get(webhook.name) ?? { webhook, syncs: [] }
      if (JSON.stringify(known.webhook) !== JSON.stringify(webhook)) {
        throw new IsthmusError('InvalidInput', `the webhook "${webhook.name}" is described differently in ${known.syncs[0]!.plan.file}`, { file: plan.file, field: 'on', cure: 'describe it once, in a file that both import' })
      }
      known.syncs.push({ plan, types })
      found.set(webhook.name, known)
    }
  }
  return [...found.values()]
}
