import { scheduleText } from '../../model/schedule.ts'
import type { Plan } from '../../model/plan.ts'

/** One field that a deploy changes; values as short texts, '' for none. Of settings only the names are told. */
export interface FieldChange {
  field: string
  from: string
  to: string
}

/** What a deploy does, or would do, with the schedule of a sync. */
export interface ScheduleChange {
  sync: string
  change: 'added' | 'changed' | 'removed' | 'unchanged'
  /** `every 15 min`, as it is afterwards; for `removed` as it was. */
  schedule: string
  fields: FieldChange[]
}

/** Fields of a plan that are told; more are counted. */
const MOST = 30

/** Fields in which two plans differ, as dotted paths; that of the hash follows from the others. */
export function planChanges(before: Plan, after: Plan): FieldChange[] {
  const { hash: _a, every: _b, ...a } = { ...before, schedule: before.schedule ?? null }
  const { hash: _c, every: _d, ...b } = after
  const all = changes(a, b, '').map((c) => ({ ...c, field: c.field.replace(/^streams\[(\d+)\]/, (_all, i: string) => after.streams[Number(i)]?.name ?? before.streams[Number(i)]!.name) }))
  return all.length > MOST ? [...all.slice(0, MOST), { field: '...', from: '', to: `${all.length - MOST} more fields` }] : all
}

/** Names of settings whose value differs. */
export function settingChanges(before: Record<string, string>, after: Record<string, string>): FieldChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.filter((name) => before[name] !== after[name]).map((name) => ({ field: `settings.${name}`, from: name in before ? '(sealed)' : '', to: name in after ? '(another value)' : '' }))
}

/** The schedule of a plan as people read it. */
export function shownSchedule({ schedule }: Pick<Plan, 'schedule'>): string {
  return schedule ? scheduleText(schedule) : 'none'
}

function changes(a: unknown, b: unknown, path: string): FieldChange[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return []
  if (!isParts(a) || !isParts(b) || Array.isArray(a) !== Array.isArray(b)) return [{ field: path || '.', from: shown(a), to: shown(b) }]
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  return keys.flatMap((key) => changes((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], Array.isArray(a) ? `${path}[${key}]` : path ? `${path}.${key}` : key))
}

const isParts = (value: unknown): value is object => value !== null && typeof value === 'object'

function shown(value: unknown): string {
  if (value === undefined) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
