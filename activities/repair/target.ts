import { IsthmusError } from '../../model/errors.ts'
import type { CompiledMapper } from '../../model/mapping/index.ts'
import type { Plan, StreamPlan } from '../../model/plan.ts'
import type { RowDestination } from '../../model/ports.ts'
import { projectEnvironment, type AnyFlow } from '../../project/index.ts'
import { openAccounts, withAccounts } from '../account.ts'
import type { ActivityDeps } from '../deps.ts'
import { openDestination } from '../destination.ts'
import { flowOf, rowMapper } from '../map.ts'
import type { RepairTarget } from './types.ts'

/** A stream's destination and mapping as the sync is now. Nothing of its source is opened. */
export interface RepairStream {
  plan: Plan
  stream: StreamPlan
  streamKey: string
  destination: RowDestination
  mapper: CompiledMapper
  flow: AnyFlow | undefined
  close(): Promise<void>
}

/** null when the sync has no such stream any more. */
export async function openRepair(deps: ActivityDeps, target: RepairTarget, name: string): Promise<RepairStream | null> {
  const plan = await deps.store.getPlan(target.plan)
  const planned = plan.streams.find((s) => s.name === name)
  if (!planned) return null
  const environment = { ...projectEnvironment(deps.projectDir), ...(await deps.store.getSettings(`run/${target.id}`)) }
  const streamKey = `${plan.id}/${name}`
  const accounts = await openAccounts(deps.store, planned, environment)
  const stream = withAccounts(planned, accounts)
  const to = openDestination(deps, { stream, streamKey, resolve: accounts.to.resolve, run: target.id, target: { sync: target.sync, run: target.id, plan: target.plan, stream: name, round: 0 } })
  const flow = await flowOf(deps, plan, stream)
  return { plan, stream, streamKey, destination: to.destination, close: to.close, mapper: rowMapper(stream, flow, true), flow }
}

export async function openRepairStream(deps: ActivityDeps, target: RepairTarget & { stream: string }): Promise<RepairStream> {
  const found = await openRepair(deps, target, target.stream)
  if (!found) throw new IsthmusError('NotFound', `the sync has no stream "${target.stream}"`, { field: 'stream' })
  return found
}
