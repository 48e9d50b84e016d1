import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { startSimulator } from '../../../simulator/index.ts'
import { syncFile } from './sync-file.ts'
import type { Case } from './types.ts'
import { closed, until } from './wait.ts'

const SECRET = 'hook-secret-0123456789'
const HOOK = `import { env, signedBy, webhook } from 'isthmus'
export const billing = webhook({ name: 'billing', ...signedBy.stripe(env('HOOK_SECRET')) })
`

/** Events that come while somebody's run is open: they wait for its end, and then make one. */
export const triggered: Case = async ({ name, project, client, save }) => {
  const simulator = await startSimulator({ records: { transactions: 300 }, latencyMs: 1_500 })
  const env = { HOOK_SECRET: SECRET, SIM_URL: simulator.url }
  await project.write({
    'hooks.ts': HOOK,
    [`syncs/${name}.ts`]: `import { billing } from '../hooks.ts'\n${syncFile(name, { more: "on: billing.on('invoice.*')," })}`,
  })
  const serving = project.spawn(['serve', '--json', '--port', '0'], env)
  try {
    const [line] = (await once(serving.stdout!, 'data')) as [Buffer]
    const { url } = JSON.parse(line.toString()) as { url: string }
    const run = project.isthmus(['run', name, '--json'], env)
    await until(() => client.workflow.getHandle(`sync/${name}`).describe().catch(() => null))
    await send(url, { id: 'evt_1', type: 'invoice.paid' })
    await closed(client, `triggered/${name}`)
    await run
    await save(`triggered/${name}`, 'triggered')
    await save(`events/${name}`, 'scheduled')
  } finally {
    const ended = once(serving, 'exit')
    serving.kill('SIGINT')
    await ended
    await simulator.close()
  }
}

async function send(url: string, event: object): Promise<void> {
  const body = JSON.stringify(event)
  const time = String(Math.floor(Date.now() / 1000))
  const signature = createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex')
  const response = await fetch(`${url}/hooks/billing`, { method: 'POST', headers: { 'content-type': 'application/json', 'stripe-signature': `t=${time},v1=${signature}` }, body })
  if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`)
}
