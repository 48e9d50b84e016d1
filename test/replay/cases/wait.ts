import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'

/** Waits, up to two minutes, until something is there. */
export async function until<T>(look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (const end = Date.now() + 120_000; Date.now() < end; await sleep(100)) {
    const found = await look()
    if (found) return found
  }
  throw new Error(`nothing came of it in two minutes: ${look.toString().slice(0, 200)}`)
}

/** Waits until a workflow is there and closed. */
export async function closed(client: Client, workflowId: string): Promise<void> {
  await until(async () => (await client.workflow.getHandle(workflowId).describe().catch(() => null))?.closeTime)
}
