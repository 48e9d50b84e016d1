import { randomBytes } from 'node:crypto'

/** A run's id: its UTC start and six random digits, so that ids sort by time. */
export function newRunId(now: Date = new Date()): string {
  const stamp = now.toISOString().replace(/[-:T]/g, '').slice(0, 14)
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-${randomBytes(3).toString('hex')}`
}

/** The workflow of a sync; the id makes sure that one run is open at a time. */
export function syncWorkflowId(sync: string): string {
  return `sync/${sync}`
}
