import { appendFile, mkdtemp, open, readdir, rm, stat, truncate, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PageFrame } from '../model/ports.ts'
import type { Segment } from '../model/run.ts'
import { folderStage } from './index.ts'
import { folderName } from './names.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'isthmus-stage-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

let runs = 0
const chunk = () => ({ run: `Run ${(runs += 1)}`, stream: '../etc', seq: 1 })
const folderOf = (c: { run: string; stream: string }) => join(root, folderName(c.run), folderName(c.stream), '000001')
const page = (n: number, last = false): PageFrame => ({ body: Buffer.from(`{"page":${n},"text":"ü"}`), records: n, next: last ? null : { kind: 'page', page: n + 1 }, last })
const collect = async (stage: ReturnType<typeof folderStage>, c: ReturnType<typeof chunk>, segments: Segment[]) => {
  const out: PageFrame[] = []
  for await (const frame of stage.frames({ ...c, segments })) out.push(frame)
  return out
}

describe('folderStage', () => {
  it('gives back what was staged, in a private file', async () => {
    const c = chunk()
    const stage = folderStage(root)
    expect(await stage.resume(c)).toBeNull()
    const writer = await stage.writer(c)
    await Promise.all([writer.append(page(1)), writer.append({ ...page(2), body: Buffer.alloc(0) }), writer.append(page(3, true))])
    const segment = await writer.close()
    expect(segment.frames).toBe(3)
    expect((await collect(stage, c, [segment])).map((f) => ({ ...f, body: f.body.toString() }))).toEqual(
      [page(1), { ...page(2), body: Buffer.alloc(0) }, page(3, true)].map((f) => ({ ...f, parent: null, mark: null })).map((f) => ({ ...f, body: f.body.toString() })),
    )
    expect((await stat(join(folderOf(c), segment.file))).mode & 0o777).toBe(0o600)
    expect((await stat(folderOf(c))).mode & 0o777).toBe(0o700)
    expect(await stage.resume(c)).toEqual({ segments: [segment], records: 6, bytes: page(1).body.length + page(3).body.length, next: null, last: true })
  })

  it('goes on behind a torn frame at every length of it', async () => {
    const c = chunk()
    const writer = await folderStage(root).writer(c)
    await writer.append(page(1))
    await writer.append(page(2))
    const segment = await writer.close()
    const file = join(folderOf(c), segment.file)
    for (let size = segment.bytes - 1; size >= 0; size--) {
      await truncate(file, size)
      const left = await folderStage(root).resume(c)
      const first = left?.segments[0]
      if (left) expect(left).toMatchObject({ records: 1, next: { kind: 'page', page: 2 } })
      if (first) expect(first.bytes).toBeLessThanOrEqual(size)
    }
    expect(await folderStage(root).resume(c)).toBeNull()
  })

  it('keeps one chain over attempts, whatever a zombie appends', async () => {
    const c = chunk()
    const zombie = await folderStage(root).writer(c)
    await zombie.append(page(1))
    const second = folderStage(root)
    expect((await second.resume(c))?.next).toEqual({ kind: 'page', page: 2 })
    const writer = await second.writer(c)
    await zombie.append(page(2))
    await writer.append(page(2))
    await zombie.append(page(3))
    await writer.append(page(3))
    await zombie.close()
    const left = (await folderStage(root).resume(c))!
    expect(left.records).toBe(6)
    expect((await collect(second, c, left.segments)).map((f) => f.records)).toEqual([1, 2, 3])
    // A third attempt that wrote nothing yet changes nothing.
    const third = folderStage(root)
    await third.resume(c)
    const idle = await third.writer(c)
    expect(await folderStage(root).resume(c)).toEqual(left)
    for (const open of [idle, writer]) await open.close()
  })

  it('takes a closed segment of this process over without asking', async () => {
    const c = chunk()
    const stage = folderStage(root)
    await stage.resume(c)
    const first = await stage.writer(c)
    await first.append(page(1))
    await first.close()
    const second = await stage.writer(c)
    await second.append(page(2))
    expect((await folderStage(root).resume(c))?.records).toBe(3)
    await second.close()
  })

  it('says StageLost for missing, short and damaged segments', async () => {
    const c = chunk()
    const stage = folderStage(root)
    const writer = await stage.writer(c)
    await writer.append(page(1))
    const segment = await writer.close()
    const file = join(folderOf(c), segment.file)
    await appendFile(file, 'what a zombie wrote')
    expect(await collect(stage, c, [segment])).toHaveLength(1)
    const handle = await open(file, 'r+')
    await handle.write(Buffer.from('X'), 0, 1, segment.bytes - 3)
    await handle.close()
    await expect(collect(stage, c, [segment])).rejects.toMatchObject({ type: 'StageLost' })
    await truncate(file, segment.bytes - 1)
    await expect(collect(stage, c, [segment])).rejects.toMatchObject({ type: 'StageLost' })
    await expect(collect(stage, c, [{ ...segment, file: 'a9-00.pages' }])).rejects.toMatchObject({ type: 'StageLost' })
    await expect(collect(stage, c, [{ ...segment, file: '../../x.pages' }])).rejects.toMatchObject({ type: 'InvalidInput' })
  })

  it('makes, finds and drops row files', async () => {
    const c = chunk()
    const stage = folderStage(root)
    const rows = await stage.newFile(c, 'rows')
    const rejects = await stage.newFile(c, 'rejects')
    expect(await stage.path(rows.ref)).toBe(rows.path)
    await stage.dropRows(c)
    await expect(stage.path(rows.ref)).rejects.toMatchObject({ type: 'StageLost' })
    expect(await stage.path(rejects.ref)).toBe(rejects.path)
    for (const ref of ['../../etc/passwd', '/etc/passwd', 'a/b/c/../rows-00.copy', 'a/b/../rows-00.copy', '', 'a/b/c/rows-00.copy/x']) {
      await expect(stage.path(ref)).rejects.toMatchObject({ type: 'InvalidInput' })
    }
  })

  it('purges old runs only', async () => {
    const old = chunk()
    const young = chunk()
    const stage = folderStage(root)
    for (const c of [old, young]) await (await stage.writer(c)).close()
    const past = new Date(Date.now() - 3_600_000)
    for (const path of [join(folderOf(old), (await readdir(folderOf(old)))[0]!), folderOf(old), join(folderOf(old), '..'), join(folderOf(old), '..', '..')]) await utimes(path, past, past)
    await stage.purge(60_000)
    expect(await stat(folderOf(old)).catch(() => null)).toBeNull()
    expect(await stat(folderOf(young))).toBeTruthy()
  })
})

it('folder names are injective, harmless and the same in lower case', () => {
  const seen = new Map<string, string>()
  const check = (name: string) => {
    const folder = folderName(name)
    expect(folder).toMatch(/^[a-z0-9_=-]{1,100}$/)
    expect(folder).not.toMatch(/^(con|nul|aux|prn|com\d|lpt\d)$/)
    expect(seen.get(folder) ?? name).toBe(name)
    seen.set(folder, name)
  }
  for (const name of ['', '.', '..', 'con', 'CON', '=63on', 'a/b', 'A', '=41', 'é', 'e\u0301', '\ud800', '\ud801', '\0', 'x'.repeat(101), 'x'.repeat(102), 'É'.repeat(40)]) check(name)
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 150 }), check), { numRuns: 1_000 })
})
