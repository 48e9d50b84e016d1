import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { folderStage } from './index.ts'

const run = (command: string, ...args: string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const chunk = { run: 'r', stream: 's', seq: 1 }
const page = (n: number) => ({ body: Buffer.alloc(8_192, n), records: 1, next: { kind: 'page' as const, page: n + 1 }, last: false })

let root: string
let mounted: boolean
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'isthmus-disk-'))
  // A disk of its own takes rights that not every machine gives.
  mounted = process.platform === 'linux' && run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', root)
})
afterAll(async () => {
  if (mounted) run('umount', root)
  await rm(root, { recursive: true, force: true })
})

describe('a stage on a disk that is in trouble', () => {
  it('names its folder and the cure when the disk is full, keeps what it has, and goes on when there is space', async (context) => {
    if (!mounted) return context.skip()
    const stage = folderStage(root)
    const writer = await stage.writer(chunk)
    // Not waited for one by one, as a step does not either.
    const all = Array.from({ length: 20 }, (_, n) => writer.append(page(n)))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const failed = (await Promise.allSettled(all)).filter((a) => a.status === 'rejected')
    expect(failed.length).toBeGreaterThan(5)
    for (const { reason } of failed) expect(reason).toMatchObject({ type: 'Transient', field: 'ISTHMUS_STAGE', message: `the stage ${root} cannot be written: no space is left on its disk (ENOSPC)`, cure: expect.stringContaining('free space') })
    await expect(writer.close()).rejects.toThrow('no space is left')
    const left = await stage.resume(chunk)
    expect(left).toMatchObject({ records: 20 - failed.length, last: false })
    expect(run('mount', '-o', 'remount,size=1m', root)).toBe(true)
    const more = await stage.writer(chunk)
    await more.append(page(left!.records))
    await more.close()
    expect(await stage.resume(chunk)).toMatchObject({ records: left!.records + 1 })
  })

  it('says so when its path is no folder', async () => {
    const file = join(root, 'file')
    await writeFile(file, '')
    await expect(folderStage(join(file, 'stage')).writer(chunk)).rejects.toMatchObject({ type: 'Transient', message: expect.stringMatching(/^the stage .*file.stage cannot be written: a part of its path is a file \(ENOTDIR\)$/) })
  })

  it('leaves other errors as they are', () => {
    const refused = Object.assign(new Error('connect EACCES /run/postgres'), { code: 'EACCES', syscall: 'connect' })
    expect(folderStage(root).blame(refused)).toBe(refused)
  })
})
