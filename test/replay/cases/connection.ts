import { SIMULATOR_CREDENTIALS as C, startSimulator } from '../../../simulator/index.ts'
import { syncFile } from './sync-file.ts'
import type { Case } from './types.ts'
import { until } from './wait.ts'

/** A rotating refresh token that is used often in one run, which continues as new, and then once ahead of need, by a timer. The owner stays open. */
export const connection: Case = async ({ name, project, client, save }) => {
  const simulator = await startSimulator({ records: { transactions: 2_000 }, auth: 'oauth', tokenTtl: 125, expireTokenAfterRequests: 2 })
  const auth = `connection: '${name}', auth: oauth2RefreshToken({ tokenUrl: '/oauth/token', clientId: env('SIM_ID'), clientSecret: env('SIM_SECRET'), refreshToken: env('SIM_REFRESH') }), `
  try {
    await project.write({ [`syncs/${name}.ts`]: syncFile(name, { imports: 'oauth2RefreshToken, ', auth }) })
    const { json, stderr } = await project.isthmus(['run', name, '--json'], { SIM_URL: simulator.url, SIM_ID: C.clientId, SIM_SECRET: C.clientSecret, SIM_REFRESH: C.refreshToken })
    console.log(`${name}: ${json?.outcome ?? stderr}`)
    const id = `connection/${name}`
    // Half of the token's life later it is renewed, and the next timer set.
    await until(async () => {
      const events = (await client.workflow.getHandle(id).fetchHistory()).events ?? []
      const renewed = events.findLastIndex((e) => e.activityTaskCompletedEventAttributes)
      return renewed > (events.findIndex((e) => e.timerFiredEventAttributes)) && events.some((e) => e.timerFiredEventAttributes) && events.at(-1)?.timerStartedEventAttributes
    })
    await save(id, 'connection')
  } finally {
    await simulator.close()
  }
}
