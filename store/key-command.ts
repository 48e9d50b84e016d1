import { execFile } from 'node:child_process'
import { IsthmusError } from '../model/errors.ts'

const TIMEOUT_MS = 30_000

/** Runs a command that prints the key, so that any key store fits. No shell: words are split at spaces, quotes hold them together. Throws VaultKey with the end of its error output, never its output. */
export function keyFromCommand(command: string, name: string, env: Record<string, string | undefined>, cwd: string): Promise<string> {
  const [file, ...args] = words(command)
  const failed = (why: string): IsthmusError => new IsthmusError('VaultKey', `${name} gave no key: ${why}`, { cure: `run the command by hand; it must print a key of 32 bytes in base64 or hex` })
  if (file === undefined) return Promise.reject(failed('it is empty'))
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd, env: env as NodeJS.ProcessEnv, timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1024, windowsHide: true }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const { code, killed } = error as { code?: string | number; killed?: boolean }
      const why = code === 'ENOENT' ? `there is no program ${file}` : killed ? `it did not end within ${TIMEOUT_MS / 1000} s` : `it ended with ${code}`
      const said = stderr.replace(/\s+/g, ' ').trim().slice(-300)
      reject(failed(said === '' ? why : `${why}: ${said}`))
    })
  })
}

/** Words of a command line: split at white space; '...' and "..." hold a word together. */
export function words(command: string): string[] {
  return [...command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replace(/'([^']*)'|"([^"]*)"/g, (_all, single: string | undefined, double: string | undefined) => single ?? double ?? ''))
}
