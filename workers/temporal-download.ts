import { execFile } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { within } from './child.ts'
import { packageDir } from './paths.ts'

const exec = promisify(execFile)
const HOST = 'temporal.download'

/** `dev-server` is the Temporal CLI, `time-skipping` the test server. */
export type DownloadKind = 'dev-server' | 'time-skipping'

/**
 * Lets the Temporal SDK download its server into `dir` and gives the file.
 * At most 20 s; at once when the host's name cannot be resolved. Throws an Error whose message says why it failed.
 */
export async function sdkDownload(kind: DownloadKind, dir: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  // Behind a proxy the name need not resolve here.
  if (!env.HTTPS_PROXY && !env.https_proxy && !(await resolves())) throw new Error(`${HOST} cannot be reached`)
  // The SDK's download cannot be cancelled, so it runs in a process that can be killed.
  const script = `
    import { Runtime } from '@temporalio/worker';
    const runtime = Runtime.instance();
    const exe = { type: 'cached-download', downloadDir: process.argv[1], version: 'default', ttl: 0, sdkName: 'sdk-typescript', sdkVersion: '1.24.0' };
    const dev = { type: 'dev-server', exe, ip: '127.0.0.1', port: null, ui: false, uiPort: null, namespace: 'default', dbFilename: null, log: { format: 'pretty', level: 'error' }, extraArgs: [] };
    const skip = { type: 'time-skipping', exe, port: null, extraArgs: [] };
    const server = await runtime.createEphemeralServer(process.argv[2] === 'dev-server' ? dev : skip);
    await runtime.shutdownEphemeralServer(server);
    process.exit(0);`
  try {
    await exec(process.execPath, ['--input-type=module', '-e', script, dir, kind], { cwd: packageDir, env, timeout: 20_000, killSignal: 'SIGKILL' })
  } catch (error) {
    const { killed, stderr } = error as { killed?: boolean; stderr?: string }
    throw new Error(killed ? `the download from ${HOST} took more than 20 s` : `the download from ${HOST} failed${firstError(stderr ?? '')}`, { cause: error })
  }
  const [file] = (await readdir(dir)).filter((name) => name.startsWith('temporal'))
  if (!file) throw new Error(`the download from ${HOST} left no file`)
  return join(dir, file)
}

async function resolves(): Promise<boolean> {
  const found = lookup(HOST).then(() => true, () => false)
  return (await within(found, 3000)) && found
}

function firstError(stderr: string): string {
  const line = stderr.split('\n').find((l) => /error/i.test(l))
  // The SDK nests its reasons; the innermost comes last.
  return line ? `: ${line.trim().replace(/\]$/, '').split(': ').slice(-2).join(': ').slice(0, 200)}` : ''
}
