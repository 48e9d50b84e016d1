import { IsthmusError } from '../../model/index.ts'

/** This machine by name or address. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name)
}

/** Normal form of an origin (RFC 6454): scheme, host and port. Throws InvalidInput. */
export function originOf(address: string): string {
  let url: URL | null = null
  try {
    url = new URL(address)
  } catch {
    // Told below.
  }
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new IsthmusError('InvalidInput', 'an address must start with http:// or https:// and name a host', {
      cure: 'write an address such as https://api.example.com',
    })
  }
  return url.origin
}

/**
 * Throws ForeignOrigin unless `url` lies within `allowed`. Coming from https, plain http counts as foreign
 * except on this machine, also when it is listed. The message names both origins and no path.
 */
export function checkOrigin(url: URL, allowed: ReadonlySet<string>, secure: boolean): void {
  const list = [...allowed].join(', ')
  if (!allowed.has(url.origin)) {
    const target = url.origin === 'null' ? `${url.protocol}//` : url.origin
    throw new IsthmusError('ForeignOrigin', `the address leads to ${target}, but this connection is bound to ${list}; nothing was sent there`, {
      cure: `add '${target}' to \`origins\` of the source if you trust it with the credentials`,
    })
  }
  if (secure && url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new IsthmusError('ForeignOrigin', `the address leads from https to ${url.origin}, without encryption; this connection is bound to ${list}`, {
      cure: 'ask the provider for https addresses',
    })
  }
}
