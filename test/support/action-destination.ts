import { openActions, type Actions } from '../../destinations/actions/index.ts'
import { actionSchema, type ActionInput } from '../../model/action.ts'
import type { StreamPlan } from '../../model/plan.ts'
import type { RowDestination, Token } from '../../model/ports.ts'
import { sourceSchema, type SourceInput } from '../../model/source.ts'
import { openConnection } from '../../protocols/rest/index.ts'
import type { VaultKey } from '../../store/index.ts'
import { openStore } from '../../store/index.ts'
import { streamPlan, type PlanOptions } from './stream-plan.ts'

/** A plan of one stream that goes to an action. */
export function actionPlan(url: string, action: Omit<ActionInput, 'name'>, options: Omit<PlanOptions, 'table'>, source: Partial<SourceInput> = {}): StreamPlan {
  const plan = streamPlan({ table: 't', ...options })
  return { ...plan, destination: { kind: 'action', connection: 'crm', source: sourceSchema.parse({ baseUrl: url, ...source }), action: actionSchema.parse({ name: 'contact.create', ...action }) } }
}

export interface OpenedAction {
  destination: RowDestination
  notes: string[]
  close(): Promise<void>
}

/** The destination of a plan as a process of its own would open it. */
export function openAction(databaseUrl: string, plan: StreamPlan, options: { streamKey?: string; token?: () => Promise<Token | null>; actions?: Actions } = {}): OpenedAction {
  if (plan.destination.kind !== 'action') throw new Error('no action')
  const actions = options.actions ?? openActions(databaseUrl)
  const connection = openConnection({ source: plan.destination.source, resolve: String })
  const notes: string[] = []
  const destination = actions.open({
    destination: plan.destination, streamKey: options.streamKey ?? 's/orders', resolve: String,
    account: { connection, token: options.token ?? (async () => null), pacer: null },
    signIn: async () => {},
    note: async (message) => {
      notes.push(message)
    },
  })
  return {
    destination, notes,
    close: async () => {
      await connection.close()
      if (!options.actions) await actions.close()
    },
  }
}

/** Makes the tables of Isthmus in a test database. */
export async function migrated(databaseUrl: string): Promise<void> {
  const key: VaultKey = { id: '0123456789abcdef', secret: Buffer.alloc(32, 7) }
  const store = await openStore(databaseUrl, { key })
  await store.migrate()
  await store.close()
}

