/** `npm run chaos`: the proof that nothing is lost and nothing doubled, whatever dies. */
import { chaosCommand, type ChaosOptions } from './options.ts'
import { tableOf } from './result.ts'
import { runChaos } from './run.ts'
import { runZombies } from './zombie.ts'

const command = chaosCommand()
command.parse()
const options = command.opts<ChaosOptions>()
try {
  const run = options.target === 'zombie' ? runZombies : runChaos
  const result = await run(options, (text) => void (options.verbose && text && process.stderr.write(`${text}\n`)))
  if (!options.json) process.stdout.write(`${tableOf(result)}\n`)
  process.stdout.write(`${JSON.stringify(result)}\n`)
  process.exitCode = result.ok ? 0 : 1
} catch (error) {
  process.stderr.write(`error ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
