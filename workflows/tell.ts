import { CancellationScope, getExternalWorkflowHandle, isCancellation, workflowInfo } from '@temporalio/workflow'

/** Tells the run of a stream something. A run that is gone, or a stream started by hand, is no reason to fail. */
export async function tellRun(tell: (run: ReturnType<typeof getExternalWorkflowHandle>) => Promise<void>): Promise<void> {
  const parent = workflowInfo().parent
  if (!parent) return
  await CancellationScope.cancellable(() => tell(getExternalWorkflowHandle(parent.workflowId, parent.runId))).catch((error: unknown) => {
    if (isCancellation(error)) throw error
  })
}
