import { randomBytes } from 'node:crypto'
import { lstat, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { IsthmusError } from '../model/errors.ts'
import type { Stage } from '../model/ports.ts'
import type { ChunkRef, Segment } from '../model/run.ts'
import { diskError } from './disk.ts'
import { chunkFolder, folderName } from './names.ts'
import { purgeRuns } from './purge.ts'
import { segmentFrames } from './read.ts'
import { newestChain } from './resume.ts'
import { segmentWriter } from './writer.ts'

const FILE = { rows: /^rows-[0-9a-f]+\.copy$/, rejects: /^rejects-[0-9a-f]+\.jsonl$/, keys: /^keys-[0-9a-f]+\.copy$/ }
const ENDING = { rows: 'copy', rejects: 'jsonl', keys: 'copy' }
const REMEMBERED = 1_000

/** A stage below `root`: `<run>/<stream>/<seq>/`, private to this user. */
export function folderStage(root: string): Stage {
  const base = resolve(root)
  const folderOf = (chunk: ChunkRef) => join(base, chunkFolder(chunk))
  // What the next writer of a chunk goes on behind: its file says so, and `resume` follows that.
  const known = new Map<string, { segments: Segment[] }>()
  const remember = (key: string, segments: Segment[]) => {
    known.delete(key)
    known.set(key, { segments })
    if (known.size > REMEMBERED) known.delete(known.keys().next().value!)
  }

  const blame = (error: unknown): unknown => diskError(base, error)

  return {
    blame,

    async resume(chunk) {
      const chain = await newestChain(folderOf(chunk))
      remember(chunkFolder(chunk), chain?.segments ?? [])
      return chain
    },

    writer(chunk) {
      const key = chunkFolder(chunk)
      if (!known.has(key)) remember(key, [])
      const from = known.get(key)!
      return segmentWriter(folderOf(chunk), from.segments, blame, (segment) => {
        // Only while no other attempt has looked meanwhile: that one goes on from what it saw.
        if (known.get(key) === from && segment.frames > 0) remember(key, [...from.segments, segment])
      })
    },

    async *frames(pages) {
      for (const segment of pages.segments) {
        if (!/^[a-z0-9-]+\.pages$/.test(segment.file)) throw leaves(segment.file)
        yield* segmentFrames(folderOf(pages), segment)
      }
    },

    async newFile(chunk, kind) {
      const ref = `${chunkFolder(chunk)}/${kind}-${randomBytes(8).toString('hex')}.${ENDING[kind]}`
      const path = join(base, ref)
      await mkdir(folderOf(chunk), { recursive: true, mode: 0o700 })
      await (await open(path, 'wx', 0o600)).close()
      return { ref, path }
    },

    async path(ref) {
      const [run, stream, seq, file, ...more] = ref.split('/')
      const inside = [run, stream, seq].every((part) => part !== undefined && /^[a-z0-9_=-]+$/.test(part))
      if (!inside || more.length > 0 || !Object.values(FILE).some((f) => f.test(file ?? ''))) throw leaves(ref)
      const path = join(base, ref)
      const found = await lstat(path).catch(() => null)
      if (!found?.isFile()) throw new IsthmusError('StageLost', `The staged file ${ref} is gone`)
      return path
    },

    async dropRows(chunk) {
      const folder = folderOf(chunk)
      const names = await readdir(folder).catch(() => [])
      for (const name of names) if (FILE.rows.test(name)) await rm(join(folder, name), { force: true })
    },

    async chunks(run, stream) {
      const names = await readdir(join(base, folderName(run), folderName(stream))).catch(() => [])
      const seqs = names.filter((name) => /^\d+$/.test(name)).map(Number).filter((seq) => seq > 0)
      return seqs.sort((a, b) => a - b)
    },

    async remove(run) {
      await rm(join(base, folderName(run)), { recursive: true, force: true })
    },

    purge: (ms) => purgeRuns(base, ms),
  }
}

function leaves(ref: string): IsthmusError {
  return new IsthmusError('InvalidInput', `${JSON.stringify(ref.slice(0, 200))} names no file of the stage`)
}
