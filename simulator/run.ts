import { simulateCommand } from './command.ts'

/** The simulator as a program of its own. @param argv as in `process.argv` */
export async function runSimulator(argv: string[]): Promise<void> {
  await simulateCommand().parseAsync(argv)
}
