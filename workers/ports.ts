import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { cacheDir } from './paths.ts'
import { identify, isAlive, type ProcessIdentity } from './processes.ts'

/** True when nothing listens on 127.0.0.1:port. */
export async function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** A port of 127.0.0.1 that is free now, chosen by the system. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** The first free port of `wanted`, else any free one. */
export async function choosePort(...wanted: (number | undefined)[]): Promise<number> {
  for (const port of wanted) if (port !== undefined && (await portIsFree(port))) return port
  return freePort()
}

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
      // A link fails when the name exists: one of two processes wins.
      if (await link(temporary, fileOf(port)).then(() => true, (error: NodeJS.ErrnoException) => refused(error))) return true
      const text = await readFile(fileOf(port), 'utf8').catch(() => null)
      if (text !== null && (await isAlive(JSON.parse(text) as ProcessIdentity))) break
      await clear(port, text, `${temporary}.stale`)
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

/** Takes a dead process' claim away; one that another process has made meanwhile is put back. */
async function clear(port: number, text: string | null, aside: string): Promise<void> {
  try {
    await rename(fileOf(port), aside)
  } catch {
    return
  }
  if ((await readFile(aside, 'utf8')) !== text) await link(aside, fileOf(port)).catch(() => {})
  await rm(aside, { force: true })
}

function refused(error: NodeJS.ErrnoException): false {
  if (error.code === 'EEXIST') return false
  throw error
}

/** True when something accepts a connection within `ms` (1 s by default). */
export async function portAnswers(host: string, port: number, ms = 1000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(ms, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
