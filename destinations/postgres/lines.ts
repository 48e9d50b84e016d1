import { open, type FileHandle } from 'node:fs/promises'

/** Where the rows of a file in COPY's text format begin, and where the last one ends: a line break inside a value is escaped. */
export async function lineStarts(path: string): Promise<number[]> {
  const file = await open(path, 'r')
  try {
    const starts = [0]
    const buffer = Buffer.allocUnsafe(1024 * 1024)
    let offset = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
      if (bytesRead === 0) break
      const part = buffer.subarray(0, bytesRead)
      for (let at = part.indexOf(10); at !== -1; at = part.indexOf(10, at + 1)) starts.push(offset + at + 1)
      offset += bytesRead
    }
    if (starts.at(-1) !== offset) starts.push(offset)
    return starts
  } finally {
    await file.close()
  }
}

/** Text of line `line` (from 0), without its line break. */
export async function readLine(path: string, starts: number[], line: number): Promise<string> {
  const file: FileHandle = await open(path, 'r')
  try {
    const length = starts[line + 1]! - starts[line]!
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, starts[line]!)
    return buffer.subarray(0, bytesRead).toString().replace(/\n$/, '')
  } finally {
    await file.close()
  }
}

const ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** The values of a row in COPY's text format by column name. */
export function rowValues(line: string, columns: string[]): Record<string, string | null> {
  const cells = line.split('\t')
  const value = (cell: string | undefined) => (cell === undefined || cell === '\\N' ? null : cell.replace(/\\(.)/gs, (_, c: string) => ESCAPES[c] ?? c))
  return Object.fromEntries(columns.map((name, i) => [name, value(cells[i])]))
}
