import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { claimPort, releasePorts } from './port-claims.ts'
import { freePort } from './ports.ts'

const CLAIMS = fileURLToPath(new URL('port-claims.ts', import.meta.url))
const children: ChildProcess[] = []

/** A process that claims a port, says which, and lives on. */
async function claimer(wanted: number): Promise<number> {
  const code = `import { createJiti } from 'jiti'; const { claimPort } = await createJiti(${JSON.stringify(import.meta.url)}).import(${JSON.stringify(CLAIMS)}); console.log(await claimPort(${wanted})); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  return Number(line.toString())
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

describe('claimPort', () => {
  afterEach(async () => {
    for (const child of children.splice(0)) if (child.exitCode === null && child.signalCode === null) await kill(child)
  })

  it('gives one process a port that nothing listens on, and none of the others, also after an owner that is dead', async () => {
    const wanted = await freePort()
    const first = await Promise.all([claimer(wanted), claimer(wanted), claimer(wanted)])
    expect(new Set(first).size).toBe(3)
    expect(first).toContain(wanted)
    const owner = children[first.indexOf(wanted)]!
    expect(await claimPort(wanted)).not.toBe(wanted)
    await kill(owner)
    const second = await Promise.all([claimer(wanted), claimer(wanted), claimer(wanted)])
    expect(new Set(second).size).toBe(3)
    expect(second).toContain(wanted)
  }, 60_000)

  it('does not give what somebody listens on, and gives again what was given back', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    expect(await claimPort(port)).not.toBe(port)
    server.close()
    await once(server, 'close')
    await sleep(10)
    expect(await claimPort(port)).toBe(port)
    expect(await claimPort(port)).not.toBe(port)
    await releasePorts(port)
    expect(await claimPort(port)).toBe(port)
    await releasePorts(port)
  })
})
