import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { endianness } from 'node:os'

/**
 * Number of the user whose process holds the other end of a connection within this machine, as Linux tells it in `/proc/net/tcp`;
 * undefined where that is not told (macOS, Windows), null when no process of this machine holds it.
 */
export function peerUser({ remoteAddress, remotePort, localAddress, localPort }: Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress' | 'localPort'>): number | null | undefined {
  if (endianness() === 'BE') return undefined
  let told = false
  for (const [file, length] of [['/proc/net/tcp', 8], ['/proc/net/tcp6', 32]] as const) {
    let lines: string[]
    try {
      lines = readFileSync(file, 'latin1').split('\n')
    } catch {
      continue
    }
    told = true
    const from = `${hex(remoteAddress, length)}:${port(remotePort)}`
    const to = `${hex(localAddress, length)}:${port(localPort)}`
    for (const line of lines) {
      const [, local, remote, , , , , uid] = line.trim().split(/\s+/)
      if (local === from && remote === to) return Number(uid)
    }
  }
  return told ? null : undefined
}

/** Users who may ask a server of this process for what is this user's: itself, root, and who became root with sudo. Undefined where users have no numbers. */
export function ownUsers(env: NodeJS.ProcessEnv = process.env): number[] | undefined {
  const own = process.getuid?.()
  if (own === undefined) return undefined
  return [own, 0, ...(own === 0 && /^\d+$/.test(env['SUDO_UID'] ?? '') ? [Number(env['SUDO_UID'])] : [])]
}

const port = (value: number | undefined): string => (value ?? 0).toString(16).toUpperCase().padStart(4, '0')

/** An address as the kernel of a little-endian machine prints it: words of four bytes, each backwards. Only loopback and mapped IPv4 addresses are asked for. */
function hex(address: string | undefined, length: 8 | 32): string {
  const v4 = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address ?? '')
  const bytes = v4 ? v4.slice(1).map(Number) : [0, 0, 0, 1]
  const word = bytes.reverse().map((b) => b.toString(16).toUpperCase().padStart(2, '0')).join('')
  if (length === 8) return v4 ? word : ''
  return `${'0'.repeat(16)}${v4 ? 'FFFF0000' : '00000000'}${word}`
}
