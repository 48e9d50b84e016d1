import { IsthmusError } from '../../model/errors.ts'
import type { CompiledMapper } from '../../model/mapping/index.ts'
import type { Column, Plan, StreamPlan } from '../../model/plan.ts'
import type { RowDestination } from '../../model/ports.ts'
import { pathKeys } from '../../model/value.ts'
import { projectEnvironment, resolver, type AnyFlow } from '../../project/index.ts'
import type { ActivityDeps } from '../deps.ts'
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
}

/** null when the sync has no such stream any more. */
export async function openRepair(deps: ActivityDeps, target: RepairTarget, name: string): Promise<RepairStream | null> {
  const plan = await deps.store.getPlan(target.plan)
  const stream = plan.streams.find((s) => s.name === name)
  if (!stream) return null
  const environment = { ...projectEnvironment(deps.projectDir), ...(await deps.store.getSettings(`run/${target.id}`)) }
  const url = stream.destination.url === null ? deps.databaseUrl : resolver(environment)(stream.destination.url)
  const flow = await flowOf(deps, target.sync, stream)
  return { plan, stream, streamKey: `${plan.id}/${name}`, destination: deps.destination(url), mapper: rowMapper(stream, flow, true), flow }
}

export async function openRepairStream(deps: ActivityDeps, target: RepairTarget & { stream: string }): Promise<RepairStream> {
  const found = await openRepair(deps, target, target.stream)
  if (!found) throw new IsthmusError('NotFound', `the sync has no stream "${target.stream}"`, { field: 'stream' })
  return found
}

const ORDERED = ['integer', 'float', 'decimal', 'date', 'timestamp', 'localTimestamp']

/**
 * The column that tells which version of a record is newer: the one that the incremental field fills, if its type has an order that
 * PostgreSQL shares with the source (numbers and times; texts may be times of several zones). null when there is none.
 */
export function newestColumn({ stream, mapping, columns }: StreamPlan): string | null {
  if (!stream.incremental) return null
  const keys = pathKeys(stream.incremental.field)
  const ordered = (c: Column | undefined): string | null => (c && ORDERED.includes(c.type.kind) ? c.name : null)
  if (mapping.kind === 'code') return ordered(columns.find((c) => c.name.toLowerCase() === keys.at(-1)?.toLowerCase()))
  const filled = Object.entries(mapping.fields).filter(([, rule]) => rule.path !== null && pathKeys(rule.path).join('\0') === keys.join('\0'))
  for (const [name] of filled) {
    const found = ordered(columns.find((c) => c.name === name))
    if (found !== null) return found
  }
  return null
}
