import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { simulateCommand } from './command.ts'
import * as flag from './flags.ts'
import { startSimulator } from './server.ts'

describe('flags', () => {
  it('are read', () => {
    expect(flag.records('1e3', undefined)).toEqual({ customers: 1000, invoices: 1000, transactions: 1000 })
    expect(flag.records('transactions=10,customers=5', undefined)).toEqual({ transactions: 10, customers: 5 })
    expect(flag.limit('100/1m', flag.limit('10/s', undefined))).toEqual([{ requests: 10, perMs: 1000 }, { requests: 100, perMs: 60_000 }])
    expect([flag.milliseconds('50'), flag.milliseconds('2s'), flag.seconds('90'), flag.seconds('500ms')]).toEqual([50, 2000, 90, 0.5])
    expect(flag.fault('cut=0.1', flag.fault('status:503=0.05', undefined))).toEqual({ 'status:503': 0.05, cut: 0.1 })
    expect(flag.faultAt('3=garbage', undefined)).toEqual({ 3: 'garbage-html' })
    expect(flag.throttleOnce('12/5s')).toEqual({ atRequest: 12, retryAfterSeconds: 5 })
  })

  it.each([() => flag.whole('-1'), () => flag.whole(''), () => flag.limit('many', undefined), () => flag.milliseconds('soon'), () => flag.fault('cut', undefined), () => flag.fault('x=0.1', undefined), () => flag.faultAt('0=cut', undefined), () => flag.records('cats=1', undefined)])('are refused', (read) => {
    expect(read).toThrow()
  })

  it('each have a help text', () => {
    const command = simulateCommand()
    expect(command.name()).toBe('simulate')
    for (const option of command.options) expect(option.description).not.toBe('')
  })
})

describe('as a process', () => {
  const run = (...args: string[]) => spawn(process.execPath, ['--import', 'jiti/register', fileURLToPath(new URL('main.ts', import.meta.url)), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })

  it.each(['SIGINT', 'SIGTERM'] as const)('prints one line, serves, and stops at %s', async (signal) => {
    const child = run('--json', '--records', '7', '--fault-at', '2=hang', '--no-refresh-rotation', '--limit', '50/1s')
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const { url, pid } = JSON.parse(line) as { url: string; pid: number }
    expect(pid).toBe(child.pid)
    expect(((await (await fetch(`${url}/page/invoices`)).json()) as { total: number }).total).toBe(7)
    const hanging = fetch(`${url}/page/invoices`).catch(() => 'gone')
    await new Promise((done) => setTimeout(done, 50))
    const exit = once(child, 'exit')
    child.kill(signal)
    expect(await exit).toEqual([0, null])
    expect(await hanging).toBe('gone')
  })

  it('says in one sentence that a port is taken', async () => {
    const other = await startSimulator()
    const child = run('--port', String(other.port))
    let said = ''
    child.stderr.on('data', (d: Buffer) => (said += d.toString()))
    expect((await once(child, 'close'))[0]).toBe(2)
    expect(said).toMatch(/^error port: port \d+ of 127\.0\.0\.1 is in use\. Cure: /m)
    await other.close()
  })
})
