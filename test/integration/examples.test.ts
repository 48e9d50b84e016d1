import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { afterEach, describe, expect, it } from 'vitest'
import { CHROMIUM } from '../support/chromium.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))

/** Examples, started as their sections in docs/library.md say, but on a free port. */
describe('examples', () => {
  let child: ChildProcess
  const start = async (name: string, ...args: string[]): Promise<AsyncIterableIterator<string>> => {
    await rm(`${EXAMPLES}${name}/.isthmus`, { recursive: true, force: true })
    const env = { ...process.env }
    for (const variable of ['TEMPORAL_ADDRESS', 'DATABASE_URL', 'VITEST', 'NODE_ENV']) delete env[variable]
    child = spawn(process.execPath, [`${EXAMPLES}${name}/run.js`, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    return createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  }
  const line = async (lines: AsyncIterator<string>): Promise<string> => ((await lines.next()) as { value: string }).value
  afterEach(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGINT')
    await once(child, 'exit')
  })

  it('demo: reads everything, ends with the receipt as one line', async () => {
    const lines = await start('demo', '--no-keep', '--json')
    const receipt = JSON.parse(await line(lines)) as { outcome: string; streams: Record<string, { read: number; posted: number }> }
    expect(receipt.outcome).toBe('completed')
    expect(Object.values(receipt.streams).map((s) => [s.read, s.posted])).toEqual([[20_000, 20_000]])
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).toBe(0)
  }, 180_000)

  it('app: a click starts a sync, its progress is shown, Ctrl-C ends all of it', async (context) => {
    const url = await line(await start('app', '--port', '0'))
    const page = await (await fetch(url)).text()
    expect(page).toContain('Sync now')
    const click = async (body: object) => {
      const answer = await fetch(`${url}/sync`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
      return { status: answer.status, body: (await answer.json()) as { run: string; type?: string } }
    }
    const [first, again, other] = await Promise.all([click({ click: 'a' }), click({ click: 'a' }), click({ click: 'b' })])
    expect([first!.status, again!.body.run, other!.status]).toEqual([202, first!.body.run, 202])
    const events = await (await fetch(`${url}/runs/${first!.body.run}/events`)).text()
    expect(events).toMatch(/^event: progress\ndata: .*\nid: \S+\n\n[^]*event: end\ndata: \{"run":"[^"]+","outcome":"completed"/)
    expect(await click({})).toMatchObject({ status: 422, body: { type: 'InvalidInput' } })
    expect((await fetch(`${url}/runs/none/events`)).status).toBe(404)
    expect((await fetch(`${url}/sync`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{bad' })).status).toBe(400)

    if (CHROMIUM) {
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
      try {
        const tab = await browser.newPage()
        const problems: string[] = []
        tab.on('pageerror', (error) => problems.push(error.message))
        await tab.goto(url)
        await tab.click('text=Sync now')
        await tab.waitForSelector('tbody tr')
        // The page's address names the run: a reload goes on showing it.
        await tab.reload()
        await tab.waitForSelector('tbody tr')
        await tab.waitForSelector('#state[data-outcome=completed]')
        expect(await tab.textContent('#state')).toBe('completed: 4,000 records read')
        expect(await tab.textContent('tbody tr')).toContain('customersdone4,000')
        expect(await tab.isEnabled('#sync')).toBe(true)
        await tab.goto(`${url}/#nope`)
        await tab.reload()
        await tab.waitForSelector('text=The app knows nothing of run nope.')
        expect(problems).toEqual([])
      } finally {
        await browser.close()
      }
    }
    child.kill('SIGINT')
    expect((await once(child, 'exit'))[0]).toBe(0)
    if (!CHROMIUM) context.skip('the app works over HTTP; its page was not opened: no chromium here (apt-get install chromium, or CHROMIUM=path)')
  })

  it('after-sync: a job follows the sync, and doing it twice changes nothing', async () => {
    const lines = await start('after-sync')
    const [first, second] = [JSON.parse(await line(lines)), JSON.parse(await line(lines))] as { currency: string; transactions: string }[][]
    expect(second).toEqual(first)
    expect(first!.reduce((sum, row) => sum + Number(row.transactions), 0)).toBe(5_000)
    expect((await once(child, 'exit'))[0]).toBe(0)
  })
})
