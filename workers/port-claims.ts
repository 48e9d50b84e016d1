import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { linkNew, removeUnchanged } from './claim-file.ts'
import { cacheDir } from './paths.ts'
import { freePort, portIsFree } from './ports.ts'
import { identify, isAlive, type ProcessIdentity } from './processes.ts'

const portsDir = (): string => join(cacheDir(), 'ports')
const fileOf = (port: number): string => join(portsDir(), `${port}.json`)
/** Those of this process. */
const claimed = new Set<number>()

/**
 * Like `choosePort`, and no other stack of this user gets the port while this process lives, also when nothing listens on it for a
 * moment: a server that is started again must not find another project's server, which its worker would then work for.
 */
export async function claimPort(...wanted: (number | undefined)[]): Promise<number> {
  for (const port of wanted) if (port !== undefined && (await claim(port))) return port
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = await freePort()
    if (await claim(port)) return port
  }
  return freePort()
}

/** Gives ports back that `claimPort` gave. */
export async function releasePorts(...ports: number[]): Promise<void> {
  for (const port of ports) {
    if (claimed.delete(port)) await rm(fileOf(port), { force: true }).catch(() => {})
  }
}

async function claim(port: number): Promise<boolean> {
  if (claimed.has(port) || !(await portIsFree(port))) return false
  claimed.add(port)
  const temporary = `${fileOf(port)}.${process.pid}-${randomBytes(4).toString('hex')}`
  try {
    await mkdir(portsDir(), { recursive: true })
    await writeFile(temporary, JSON.stringify(await identify(process.pid)))
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await linkNew(temporary, fileOf(port))) return true
      const text = await readFile(fileOf(port), 'utf8').catch(() => null)
      if (text === null) continue
      if (await isAlive(JSON.parse(text) as ProcessIdentity)) break
      await removeUnchanged(fileOf(port), text)
    }
  } catch {
    // No cache folder can be written: what is free is taken, as without claims.
    return true
  } finally {
    await rm(temporary, { force: true }).catch(() => {})
  }
  claimed.delete(port)
  return false
}
