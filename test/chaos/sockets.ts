import { readdir, readFile, readlink } from 'node:fs/promises'

/** Which of `pids` holds the TCP socket whose own port is `port`; null when none does, or the system does not tell (only Linux does). */
export async function socketOwner(port: number, pids: number[]): Promise<number | null> {
  for (const pid of pids) {
    const inodes = new Set<string>()
    for (const table of ['tcp', 'tcp6']) {
      for (const line of (await readFile(`/proc/${pid}/net/${table}`, 'utf8').catch(() => '')).split('\n').slice(1)) {
        const cells = line.trim().split(/\s+/)
        if (Number.parseInt(cells[1]?.split(':')[1] ?? '', 16) === port) inodes.add(`socket:[${cells[9]}]`)
      }
    }
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      if (inodes.has(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''))) return pid
    }
  }
  return null
}
