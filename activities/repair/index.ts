import type { ActivityDeps } from '../deps.ts'
import { step } from '../step.ts'
import { remapChunks, remapTable } from './remap.ts'
import { resendRejects } from './resend.ts'
import { listStaged } from './staged.ts'
import type { RepairActivities } from './types.ts'

/** Activities that send rejects again and apply a changed mapping. None of them calls a source. */
export function repairActivities(deps: ActivityDeps): RepairActivities {
  return {
    resendRejects: (request) => step((context) => resendRejects(deps, request, context)),
    listStaged: (request) => step(() => listStaged(deps, request)),
    remapChunks: (request) => step((context) => remapChunks(deps, request, context)),
    remapTable: (request) => step((context) => remapTable(deps, request, context)),
    cleanUp: (target) =>
      step(async () => {
        await deps.stage.remove(target.id)
        await deps.store.saveSettings(`run/${target.id}`, {})
      }),
  }
}
