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

/** Address of a workflow in the Temporal UI, of one run of it when `runId` is given; null when no UI is known. */
export function uiUrl(temporal: { uiUrl: string | null; namespace: string }, workflowId: string, runId: string): string | null {
  if (!temporal.uiUrl) return null
  return `${temporal.uiUrl}/namespaces/${encodeURIComponent(temporal.namespace)}/workflows/${encodeURIComponent(workflowId)}${runId ? `/${runId}/history` : ''}`
}
