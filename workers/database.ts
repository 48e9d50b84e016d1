import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { IsthmusError } from '../model/errors.ts'
import { startPostgresServer } from './postgres-server.ts'
import { identify } from './processes.ts'
import { findStack } from './stack.ts'
import { claimStack, releaseStack, updateStackFile } from './stack-file.ts'

/** The database of a project for as long as a command works. `databaseUrl` holds a password. */
export interface Database {
  databaseUrl: string
  /** Stops the server if it was started here. Idempotent. */
  stop(): Promise<void>
}

const TRIES = 20

/**
 * The PostgreSQL of the project's stack, or else PostgreSQL alone, started here. Meanwhile the project counts as starting: other
 * commands wait for its end.
 * @throws IsthmusError Unreachable or NotFound when PostgreSQL does not start, AlreadyRunning when the project stays taken.
 */
export async function openDatabase(options: { projectDir: string; starting?: () => void }): Promise<Database> {
  const projectDir = await realpath(resolve(options.projectDir))
  for (let attempt = 1; ; attempt++) {
    const stack = await findStack(projectDir)
    if (stack) return { databaseUrl: stack.databaseUrl, stop: () => Promise.resolve() }
    try {
      return await start(projectDir, options.starting)
    } catch (error) {
      // Another command was quicker.
      if (!(error instanceof IsthmusError && error.type === 'AlreadyRunning') || attempt === TRIES) throw error
    }
  }
}

async function start(projectDir: string, starting: (() => void) | undefined): Promise<Database> {
  const file = await claimStack(projectDir)
  try {
    starting?.()
    const server = await startPostgresServer({ projectDir })
    file.children = [{ name: 'postgres', ...(await identify(server.pid)), marker: server.marker }]
    await updateStackFile(projectDir, file)
    let stopped: Promise<void> | null = null
    return { databaseUrl: server.databaseUrl, stop: () => (stopped ??= server.stop().finally(() => releaseStack(projectDir))) }
  } catch (error) {
    await releaseStack(projectDir)
    throw error
  }
}
