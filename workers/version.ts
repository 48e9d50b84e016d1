import type { Client } from '@temporalio/client'
import type { WorkerDeploymentVersion } from '@temporalio/common'
import { IsthmusError } from '../model/errors.ts'

/** Temporal's name for all workers of a project, whatever their release. */
const DEPLOYMENT = 'isthmus'
const NAME = /^[\w-][\w.-]{0,99}$/

/**
 * The release of a worker: `ISTHMUS_BUILD_ID`, of the deployment `ISTHMUS_DEPLOYMENT` (`isthmus` by default); undefined without one.
 * @throws IsthmusError InvalidInput for names that Temporal does not take.
 */
export function workerVersion(env: NodeJS.ProcessEnv): WorkerDeploymentVersion | undefined {
  const buildId = env.ISTHMUS_BUILD_ID
  if (!buildId) return undefined
  const deploymentName = env.ISTHMUS_DEPLOYMENT || DEPLOYMENT
  for (const [name, value] of [['ISTHMUS_BUILD_ID', buildId], ['ISTHMUS_DEPLOYMENT', deploymentName]] as const) {
    if (!NAME.test(value) || (name === 'ISTHMUS_DEPLOYMENT' && value.includes('.'))) throw new IsthmusError('InvalidInput', `${name} cannot be "${value.slice(0, 100)}"`, { field: name, cure: 'use letters, digits, - and _ (and . in a build id), 100 at most' })
  }
  return { buildId, deploymentName }
}

/**
 * Makes a release the one that new runs, and workflows that own connections, go to. Its workers must run. Gives the one before; '' when none was.
 * @throws IsthmusError NotFound when no worker of that release has been seen.
 */
export async function makeCurrent(client: Client, { buildId, deploymentName }: WorkerDeploymentVersion): Promise<string> {
  const { namespace, identity } = client.options
  try {
    const { previousDeploymentVersion } = await client.workflowService.setWorkerDeploymentCurrentVersion({ namespace, identity, deploymentName, buildId })
    return previousDeploymentVersion?.buildId ?? ''
  } catch (error) {
    const { code, details } = error as { code?: number; details?: string }
    // NOT_FOUND and FAILED_PRECONDITION of gRPC.
    if (code !== 5 && code !== 9) throw error
    throw new IsthmusError(code === 5 ? 'NotFound' : 'InvalidInput', `release ${buildId} of ${deploymentName} cannot become the current one: ${details ?? ''}`, { field: '--build-id', cure: `start its workers first: ISTHMUS_BUILD_ID=${buildId} isthmus worker`, cause: error })
  }
}
