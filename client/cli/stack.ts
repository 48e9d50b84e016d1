import { temporalIsConfigured } from '../../workers/connect.ts'
import { openDatabase, type Database } from '../../workers/database.ts'
import { findStack, startStack } from '../../workers/stack.ts'
import { projectEnvironment } from '../../project/index.ts'
import type { Output } from './output.ts'

/**
 * Makes sure that something can run syncs: a server named by the environment, the `isthmus dev` of this project,
 * or one started here for as long as this command works.
 */
export async function ensureStack(projectDir: string, output: Output, options: { worker: boolean } = { worker: true }): Promise<{ temporary: boolean; stop: () => Promise<void> }> {
  const env = projectEnvironment(projectDir)
  if (temporalIsConfigured(env) || (await findStack(projectDir))) return { temporary: false, stop: () => Promise.resolve() }
  output.err(output.color.dim('no `isthmus dev` runs in this project: starting what is needed for this command'))
  const stack = await startStack({ projectDir, worker: options.worker, env: schedulesOff(), log: (level, line) => output.err(level === 'info' ? output.color.dim(line) : output.color.yellow(line)) })
  return { temporary: true, stop: () => stack.stop() }
}

/** The environment of servers on which scheduled runs do not start: those of one command would end in the middle of them. */
export function schedulesOff(): NodeJS.ProcessEnv {
  return { ...process.env, ISTHMUS_SCHEDULES: 'off' }
}

/** The project's database for as long as a command works: that of DATABASE_URL, of `isthmus dev`, or PostgreSQL alone, started here. */
export async function ensureDatabase(projectDir: string, output: Output): Promise<Database> {
  const url = projectEnvironment(projectDir)['DATABASE_URL']
  if (url) return { databaseUrl: url, stop: () => Promise.resolve() }
  return openDatabase({ projectDir, starting: () => output.err(output.color.dim('no `isthmus dev` runs in this project: starting its PostgreSQL for this command')) })
}
