import { randomBytes } from 'node:crypto'
import { link, readFile, rename, rm } from 'node:fs/promises'

// Files that say which process holds something. They are written under another name and linked whole to theirs.

/** Gives `file` its name too. A link, unlike a rename, fails when the name exists: one of two processes wins. @returns false for the other one. */
export async function linkNew(file: string, name: string): Promise<boolean> {
  try {
    await link(file, name)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

/** Removes what a dead process has left, which was read as `text` (null: whatever it holds). What another process has put there meanwhile is put back. */
export async function removeUnchanged(name: string, text: string | null): Promise<void> {
  const aside = `${name}.stale-${process.pid}-${randomBytes(4).toString('hex')}`
  try {
    await rename(name, aside)
  } catch {
    return
  }
  if (text !== null && (await readFile(aside, 'utf8')) !== text) await link(aside, name).catch(() => {})
  await rm(aside, { force: true })
}
