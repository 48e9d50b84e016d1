import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { Finding } from '../model/watch/index.ts'
import { API_TASK_QUEUE, TASK_QUEUE, TOKEN_TASK_QUEUE } from './queues.ts'

const TRIES = 3
const PAUSE_MS = 2_000
const DEADLINE_MS = 5_000
/** A poll lasts a minute: who has not polled for longer is gone. */
const POLLED_MS = 75_000
const WORKFLOW_QUEUE = 1
const ACTIVITY_QUEUE = 2

type Asked = Pick<Client, 'workflowService' | 'options' | 'withDeadline'>

const finding = (kind: 'temporal' | 'worker', what: string, cure: string): Finding => ({ fingerprint: kind, kind, severity: 'error', sync: null, stream: null, connection: null, what, cure, since: new Date() })

/** Whether Temporal answers; asked again twice, so that a hiccup is no problem. */
export async function checkTemporal(client: Asked, tries = TRIES): Promise<Finding[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.withDeadline(Date.now() + DEADLINE_MS, () => client.workflowService.describeNamespace({ namespace: client.options.namespace }))
      return []
    } catch (error) {
      if (attempt >= tries) return [finding('temporal', `Temporal does not answer: ${error instanceof Error ? error.message.slice(0, 200) : 'unknown'}`, 'see that the server of TEMPORAL_ADDRESS runs and can be reached')]
      await sleep(PAUSE_MS)
    }
  }
}

/** Whether workers poll each of the queues. A worker that was killed counts until its last poll is a minute ago. */
export async function checkWorkers(client: Asked): Promise<{ workers: number; findings: Finding[] }> {
  const asked = await Promise.all([[TASK_QUEUE, WORKFLOW_QUEUE], [TASK_QUEUE, ACTIVITY_QUEUE], [API_TASK_QUEUE, ACTIVITY_QUEUE], [TOKEN_TASK_QUEUE, ACTIVITY_QUEUE]].map(async ([name, taskQueueType]) => {
    const { pollers } = await client.withDeadline(Date.now() + DEADLINE_MS, () => client.workflowService.describeTaskQueue({ namespace: client.options.namespace, taskQueue: { name: name as string }, taskQueueType: taskQueueType as number }))
    const now = Date.now()
    const live = (pollers ?? []).filter((p) => now - Number(p.lastAccessTime?.seconds ?? 0) * 1000 < POLLED_MS)
    return { name: name as string, identities: live.map((p) => p.identity ?? '') }
  }))
  const missing = [...new Set(asked.filter((a) => a.identities.length === 0).map((a) => a.name))]
  const workers = new Set(asked.flatMap((a) => a.identities)).size
  if (missing.length === 0) return { workers, findings: [] }
  return { workers, findings: [finding('worker', workers === 0 ? 'no worker runs' : `no worker takes tasks of ${missing.join(', ')}`, 'start one: isthmus worker (or isthmus dev)')] }
}
