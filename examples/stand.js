// What the examples stand on, so that they run anywhere: an API in a box, Temporal, PostgreSQL and a worker, all on this machine.
import { fileURLToPath } from 'node:url'
import pc from 'picocolors'
import { Isthmus, IsthmusError } from 'isthmus'
import { startStack } from 'isthmus/worker'
import { SIMULATOR_CREDENTIALS, startSimulator } from '../dist/simulator/index.js'

export const say = (text) => process.stderr.write(`${text}\n`)

/**
 * Starts all of it for the example in the folder of `url`, runs `body`, and stops it again: when `body` ends, or with Ctrl-C, of which `signal` tells.
 */
export async function stand(url, records, body) {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(130)
      say('stopping')
      stop.abort()
    })
  }
  const projectDir = fileURLToPath(new URL('.', url))
  const open = []
  try {
    const api = await startSimulator({ records, latencyMs: 150, auth: 'api-key' })
    open.push(() => api.close())
    process.env.SHOP_URL = api.url
    process.env.SHOP_KEY = SIMULATOR_CREDENTIALS.apiKey
    const stack = await startStack({ projectDir, log: (_level, line) => say(pc.dim(line)) })
    open.push(() => stack.stop())
    const isthmus = new Isthmus({ projectDir })
    open.push(() => isthmus.close())
    if (!stop.signal.aborted) await body({ isthmus, databaseUrl: stack.databaseUrl, signal: stop.signal })
  } catch (error) {
    say(`${pc.red('error')} ${error instanceof IsthmusError ? error.format() : (error?.stack ?? error)}`)
    process.exitCode = 1
  } finally {
    for (const close of open.reverse()) await close()
  }
}
