import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const exec = promisify(execFile)

const CANDIDATES: [string, string[]][] = [
  ['python3', ['-m', 'pip']],
  ['python', ['-m', 'pip']],
  ['py', ['-3', '-m', 'pip']],
  ['pip3', []],
  ['pip', []],
]

/** Installs one package from PyPI into `dir` (at most 3 minutes). Throws an Error whose message says why it failed. */
export async function pipInstall(requirement: string, dir: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  let reason = 'Python 3 with pip is not on PATH'
  for (const [command, prefix] of CANDIDATES) {
    try {
      await exec(
        command,
        [...prefix, 'install', '--target', dir, '--no-deps', '--only-binary', ':all:', '--no-compile', '--no-input', '--disable-pip-version-check', '--quiet', requirement],
        { env: { ...env, PIP_USER: '0', PIP_ROOT_USER_ACTION: 'ignore' }, timeout: 180_000, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 },
      )
      return
    } catch (error) {
      const { code, killed, stderr } = error as { code?: string | number; killed?: boolean; stderr?: string }
      if (code === 'ENOENT') continue
      if (/No module named pip/.test(stderr ?? '')) {
        reason = `${command} has no pip`
        continue
      }
      if (killed) throw new Error(`pip took more than 3 minutes for ${requirement}`, { cause: error })
      // Another interpreter may be one the package has a wheel for.
      reason = `pip could not install ${requirement}: ${lastError(stderr ?? String(error))}`
    }
  }
  throw new Error(reason)
}

function lastError(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim()).filter(Boolean)
  return (lines.filter((line) => line.startsWith('ERROR')).at(-1) ?? lines.at(-1) ?? 'no reason given').slice(0, 300)
}
