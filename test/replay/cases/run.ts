import { setTimeout as sleep } from 'node:timers/promises'
import { SIMULATOR_CREDENTIALS as C, startSimulator, type SimulatorOptions } from '../../../simulator/index.ts'
import { syncFile } from './sync-file.ts'
import type { Case } from './types.ts'

interface Operator {
  /** Seconds after the start at which the run is cancelled. */
  cancelAfter?: number
  /** What an operator does when the run is parked. */
  then?: 'skip' | 'run'
}

const auth = { imports: 'oauth2ClientCredentials, ', auth: "auth: oauth2ClientCredentials({ tokenUrl: '/oauth/token', clientId: env('SIM_ID'), clientSecret: env('SIM_SECRET') }), " }

/** One run by a person, against a simulator with these options. */
export function run(options: SimulatorOptions = {}, { cancelAfter, then }: Operator = {}): Case {
  return async ({ name, project, save }) => {
    const simulator = await startSimulator({ records: { transactions: 1_200 }, auth: 'oauth', ...options })
    try {
      await project.write({ [`syncs/${name}.ts`]: syncFile(name, auth) })
      const env = { SIM_URL: simulator.url, SIM_ID: C.clientId, SIM_SECRET: C.clientSecret }
      const running = project.isthmus(['run', name, '--json'], env)
      if (cancelAfter) {
        await sleep(cancelAfter * 1000)
        await project.isthmus(['cancel', name])
      }
      const { json, stderr } = await running
      console.log(`${name}: ${json?.outcome ?? stderr}`)
      if (then) {
        await project.isthmus([then, name], env)
        // A stream that was given up ends a moment later.
        await sleep(3_000)
      }
      await save(`sync/${name}`, 'sync')
      await save(`sync/${name}/transactions`, 'stream')
    } finally {
      await simulator.close()
    }
  }
}
