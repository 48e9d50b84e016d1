import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { IsthmusError } from '../../model/errors.ts'
import { parseExact, stringifyExact } from '../../model/json/index.ts'
import type { UnreadableLine } from '../../model/rows.ts'
import { formatSchema } from '../../model/format.ts'
import { createDecoder, toUtf8 } from '../../protocols/formats/index.ts'

/** What is posted: a file, a stream of bytes (standard input), or records at hand. */
export type PostInput = { file: string; format?: PostFormat } | { stream: AsyncIterable<Buffer | string>; format?: PostFormat } | Iterable<object> | AsyncIterable<object>
export type PostFormat = 'jsonl' | 'csv' | 'json'

/** Records as they lie in the project. */
export interface Staged {
  /** Relative to the project. */
  path: string
  records: number
  /** Lines that hold no record. */
  unreadable: number
}

/** Longest line, in bytes. */
const MAX_LINE = 16 * 1024 * 1024
/** Staged files that nothing was posted from for this long are removed. */
const KEEP_MS = 30 * 86_400_000
const LINE_FEED = 0x0a

/**
 * Copies records into the project as JSON lines, named by their content: a run goes on whatever becomes of the original, and the same records
 * have the same name. A line that holds no object is kept as one that says so. Throws InvalidInput for a file that is not there, a damaged CSV or JSON.
 */
export async function stageRecords(projectDir: string, input: PostInput): Promise<Staged> {
  const folder = join(projectDir, '.isthmus', 'posts')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await purge(folder)
  const draft = join(folder, `${randomUUID()}.draft`)
  const file = await open(draft, 'wx', 0o600)
  const hash = createHash('sha256')
  const counts = { records: 0, unreadable: 0 }
  let pending: string[] = []
  let chars = 0
  const flush = async (): Promise<void> => {
    if (pending.length === 0) return
    const text = pending.join('')
    pending = []
    chars = 0
    hash.update(text)
    await file.write(text)
  }
  try {
    for await (const line of linesOf(input)) {
      if (typeof line === 'string') counts.records += 1
      else counts.unreadable += 1
      const text = `${typeof line === 'string' ? line : JSON.stringify(line)}\n`
      pending.push(text)
      chars += text.length
      if (chars > 1024 * 1024) await flush()
    }
    await flush()
    await file.sync()
    await file.close()
    const name = `${hash.digest('hex').slice(0, 32)}.jsonl`
    await rename(draft, join(folder, name))
    return { path: `.isthmus/posts/${name}`, ...counts }
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(draft, { force: true })
    throw error
  }
}

/** A record's JSON text in one line, or what a line holds instead. */
type Line = string | UnreadableLine

async function* linesOf(input: PostInput): AsyncGenerator<Line> {
  if ('file' in input) {
    const format = input.format ?? formatOf(input.file)
    await stat(input.file).then((s) => {
      if (!s.isFile()) throw new IsthmusError('InvalidInput', `${input.file} is no file`, { field: '--file' })
    }, (error: NodeJS.ErrnoException) => {
      throw new IsthmusError('InvalidInput', error.code === 'ENOENT' ? `there is no file ${input.file}` : `${input.file} cannot be read (${error.code ?? 'error'})`, { field: '--file' })
    })
    if (format === 'jsonl') yield* jsonLines(createReadStream(input.file, { highWaterMark: 1024 * 1024 }))
    else yield* whole(await readFile(input.file), format)
  } else if ('stream' in input) {
    if ((input.format ?? 'jsonl') === 'jsonl') yield* jsonLines(input.stream)
    else {
      const parts: Buffer[] = []
      for await (const part of input.stream) parts.push(Buffer.from(part as Buffer))
      yield* whole(Buffer.concat(parts), input.format!)
    }
  } else {
    let n = 0
    for await (const record of input) yield isRecord(record) ? stringifyExact(record) : { $unreadable: 'is no object', $line: (n += 1), $text: String(record).slice(0, 200) }
  }
}

function formatOf(file: string): PostFormat {
  const ending = extname(file).toLowerCase()
  return ending === '.csv' ? 'csv' : ending === '.json' ? 'json' : 'jsonl'
}

async function* jsonLines(bytes: AsyncIterable<Buffer | string>): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0)
  let n = 0
  for await (const part of bytes) {
    const data: Buffer = Buffer.concat([rest, Buffer.from(part as Buffer)])
    let from = 0
    for (let end = data.indexOf(LINE_FEED); end >= 0; end = data.indexOf(LINE_FEED, from)) {
      n += 1
      const line = oneLine(data.subarray(from, end), n)
      if (line !== null) yield line
      from = end + 1
    }
    rest = data.subarray(from)
    if (rest.length > MAX_LINE) throw new IsthmusError('InvalidInput', `line ${n + 1} is longer than 16 MiB`, { field: '--file', cure: 'give one JSON object a line, or --format json' })
  }
  const line = oneLine(rest, n + 1)
  if (line !== null) yield line
}

function oneLine(bytes: Buffer, n: number): Line | null {
  const text = bytes.toString('utf8').replace(/^\ufeff/, '').trim()
  if (text === '') return null
  try {
    // Read as whoever sends it will read it; the text itself is kept.
    if (isRecord(parseExact(Buffer.from(text), { revive: false }))) return text
    return { $unreadable: 'is no JSON object', $line: n, $text: text.slice(0, 200) }
  } catch (error) {
    return { $unreadable: `is no JSON: ${error instanceof Error ? error.message : 'it cannot be read'}`.slice(0, 300), $line: n, $text: text.slice(0, 200) }
  }
}

async function* whole(bytes: Buffer, format: PostFormat): AsyncGenerator<Line> {
  let value: unknown
  try {
    const plan = formatSchema.parse(format === 'csv' ? 'csv' : 'json')
    value = createDecoder({ format: plan, records: '' })(toUtf8(bytes, undefined, plan))
  } catch (error) {
    throw error instanceof IsthmusError ? new IsthmusError('InvalidInput', `the file is not the ${format.toUpperCase()} expected: ${error.message}`, { field: '--file', cure: 'correct it, or say how it is written: --format jsonl, csv or json' }) : error
  }
  let n = 0
  for (const record of Array.isArray(value) ? (value as unknown[]) : [value]) {
    n += 1
    yield isRecord(record) ? stringifyExact(record) : { $unreadable: 'is no object', $line: n, $text: String(record).slice(0, 200) }
  }
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

async function purge(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > KEEP_MS) await rm(path, { force: true })
  }
}

/** A staged file that is posted from stays. */
export async function touch(projectDir: string, path: string): Promise<void> {
  const now = new Date()
  await utimes(join(projectDir, path), now, now).catch(() => undefined)
}
