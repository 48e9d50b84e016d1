import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Removes the folders of runs in which nothing was written for `ms`. */
export async function purgeRuns(root: string, ms: number): Promise<void> {
  const before = Date.now() - ms
  for (const run of await names(root)) {
    const folder = join(root, run)
    // Its own time is the first to look at: most are younger than that.
    if ((await modified(folder)) < before && (await lastWrite(folder)) < before) await rm(folder, { recursive: true, force: true })
  }
}

/** Time of the last change: new chunks change their stream's folder, files change while they grow. */
async function lastWrite(folder: string): Promise<number> {
  const times = [await modified(folder)]
  for (const stream of await names(folder)) {
    const chunks = (await names(join(folder, stream))).sort()
    times.push(await modified(join(folder, stream)))
    // Older chunks may be mapped again, but no page is added to them.
    for (const chunk of chunks.slice(-2)) {
      const path = join(folder, stream, chunk)
      times.push(await modified(path), ...(await Promise.all((await names(path)).map((f) => modified(join(path, f))))))
    }
  }
  return Math.max(...times)
}

async function modified(path: string): Promise<number> {
  return stat(path).then((s) => s.mtimeMs, () => 0)
}

async function names(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
}
