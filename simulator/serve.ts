import { IsthmusError } from '../model/errors.ts'
import type { SimulatorOptions } from './options.ts'
import { startSimulator } from './server.ts'

/**
 * Starts a simulator, prints its address on stdout, and stops it at SIGINT or SIGTERM.
 * @param json one line `{"url","port","pid"}` in place of a sentence
 */
export async function serve(options: SimulatorOptions, json: boolean): Promise<void> {
  try {
    const simulator = await startSimulator(options)
    const stopped = signalled()
    process.stdout.write(json ? `${JSON.stringify({ url: simulator.url, port: simulator.port, pid: process.pid })}\n` : `simulator at ${simulator.url} (sign-in: ${options.auth ?? 'none'}; Ctrl-C stops it)\n`)
    await stopped
    await simulator.close()
  } catch (error) {
    if (!(error instanceof IsthmusError)) throw error
    process.exitCode = 2
    if (json) process.stdout.write(`${JSON.stringify({ outcome: 'refused', error: { type: error.type, message: error.message, field: error.field ?? null, cure: error.cure ?? null } })}\n`)
    process.stderr.write(`error ${error.format()}\n`)
  }
}

function signalled(): Promise<void> {
  return new Promise((done) => {
    const stop = () => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      done()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}
