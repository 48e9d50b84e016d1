import { readFileSync } from 'node:fs'

/** Version of the package. */
export function version(): string {
  // Two levels up from the sources, three from dist/.
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version
    } catch {
      // the other place
    }
  }
  return '0.0.0'
}
