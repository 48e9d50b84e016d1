import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { choosePort } from '../ports.ts'

/** Port and token of a project's codec server: the same over restarts, so that open pages of the UI go on. Kept in `codec.json` of `dir` with mode 600. */
export async function codecPlace(dir: string): Promise<{ port: number; token: string }> {
  const file = join(dir, 'codec.json')
  const kept = await readFile(file, 'utf8').then((text) => JSON.parse(text) as { port: number; token: string }, () => null).catch(() => null)
  const port = await choosePort(kept?.port)
  const place = { port, token: kept?.token || randomBytes(24).toString('base64url') }
  // `endpoint` is for people: what `temporal --codec-endpoint` takes.
  await writeFile(`${file}.${process.pid}`, `${JSON.stringify({ ...place, endpoint: endpointOf(place) })}\n`, { mode: 0o600 })
  await rename(`${file}.${process.pid}`, file)
  return place
}

/** Where Temporal's UI and CLI find a codec server of this machine. */
export function endpointOf({ port, token }: { port: number; token: string }): string {
  return `http://127.0.0.1:${port}/${token}`
}
