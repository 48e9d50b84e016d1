import { resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { createOutput, showError, type Output } from './output.ts'
import { traced } from './traced.ts'

/** `--project <dir>`, on every command that works in a project. */
export function projectOption(): Option {
  return new Option('--project <dir>', 'folder of the project (holds syncs/ and .env)').default(process.cwd(), 'the working directory').argParser((dir) => resolve(dir))
}

/** Runs a command's body; its result is the exit code, its errors are shown in the one form all commands share. */
export function action<A extends unknown[]>(body: (output: Output, ...args: A) => Promise<number>): (...args: [...A, Command]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command
    const options = command.optsWithGlobals() as { json?: boolean; color?: boolean }
    const output = createOutput({ color: options.color !== false })
    try {
      process.exitCode = await traced(command, output, () => body(output, ...(all.slice(0, -1) as unknown as A)))
    } catch (error) {
      process.exitCode = showError(output, error, options.json === true)
    }
  }
}
