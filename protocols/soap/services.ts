import { createHash } from 'node:crypto'
import { loadDocuments, type DocumentOptions } from './documents.ts'
import { Host } from './host.ts'

/** How long the documents of an address are taken as they were. */
const FRESH_MS = 10 * 60_000
const MAX_HOSTS = 16
const hosts = new Map<string, Host>()
const byAddress = new Map<string, { host: Promise<Host>; untilMs: number }>()

/** The thread of a WSDL: one for each content in the process, shared by connections. Documents of an address are asked for again after ten minutes. */
export async function serviceOf(options: DocumentOptions, nowMs = Date.now()): Promise<Host> {
  if (!/^https?:\/\//i.test(options.wsdl)) return hostOf(options)
  // Who may not ask there does not get what others got.
  options.http.allow(options.wsdl)
  const known = byAddress.get(options.wsdl)
  if (known && known.untilMs > nowMs) return known.host
  const host = hostOf(options)
  byAddress.set(options.wsdl, { host, untilMs: nowMs + FRESH_MS })
  host.catch(() => byAddress.delete(options.wsdl))
  return host
}

async function hostOf(options: DocumentOptions): Promise<Host> {
  const data = await loadDocuments(options)
  const hash = createHash('sha256')
  for (const [uri, text] of data.documents) hash.update(JSON.stringify([uri, text.length])).update(text)
  const key = hash.digest('hex')
  const host = hosts.get(key) ?? new Host(data)
  hosts.delete(key)
  hosts.set(key, host)
  for (const [other, { running }] of hosts) if (hosts.size > MAX_HOSTS && !running) hosts.delete(other)
  return host
}
