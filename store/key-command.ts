import { execFile } from 'node:child_process'
import { IsthmusError } from '../model/errors.ts'
import { redactor } from '../model/redact/index.ts'

const TIMEOUT_MS = 30_000

/**
 * Runs a command that prints the key, so that any key store fits. No shell: see `words`. It has 30 seconds and nothing to read. Throws VaultKey with the
 * end of its error output, never its output.
 */
export function keyFromCommand(command: string, name: string, env: Record<string, string | undefined>, cwd: string): Promise<string> {
  const failed = (why: string): IsthmusError => new IsthmusError('VaultKey', `${name} gave no key: ${why}`, { cure: 'run the command by hand; it must print a key of 32 bytes in base64 or hex' })
  const split = words(command)
  if (split === null) return Promise.reject(failed('a quote in it is not closed'))
  const [file, ...args] = split
  if (!file) return Promise.reject(failed('it is empty'))
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { cwd, env: env as NodeJS.ProcessEnv, timeout: TIMEOUT_MS, killSignal: 'SIGKILL', maxBuffer: 64 * 1024, windowsHide: true }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      // A program may repeat what it printed.
      for (const word of stdout.split(/\s+/)) if (word.length >= 40) redactor.add(word)
      const said = redactor.text(stderr).replace(/\s+/g, ' ').trim().slice(-300)
      reject(failed(said === '' ? reason(error, file) : `${reason(error, file)}: ${said}`))
    })
    child.stdin?.end()
  })
}

function reason(error: { code?: string | number | null; killed?: boolean; signal?: string | null }, file: string): string {
  if (error.code === 'ENOENT') return `there is no program ${file}`
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'it printed more than a key'
  if (error.killed) return `it did not end within ${TIMEOUT_MS / 1_000} s`
  if (typeof error.code === 'string') return `${file} cannot be run (${error.code})`
  return error.code === null || error.code === undefined ? `it was ended by ${error.signal}` : `it ended with ${error.code}`
}

/** Words of a command line: split at white space; '...' and "..." hold together what is in them; nothing else has a meaning ($, \, |, > stand for themselves). null when a quote is not closed. */
export function words(command: string): string[] | null {
  if (/['"]/.test(command.replace(/'[^']*'|"[^"]*"/g, ''))) return null
  return [...command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replace(/'([^']*)'|"([^"]*)"/g, (_all, single: string | undefined, double: string | undefined) => single ?? double ?? ''))
}
