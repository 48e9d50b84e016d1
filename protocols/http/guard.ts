import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { IsthmusError } from '../../model/index.ts'
import { isLoopback } from './origin.ts'

/** Decides which addresses a connection may call. */
export interface AddressGuard {
  /** Throws BlockedAddress when the host of the URL is an address that may not be called; names are checked when they are looked up. */
  check(url: URL): void
  /** Looks a name up and gives addresses that may be called only; the connection goes to just these, so that a name cannot change in between. */
  lookup: LookupFunction
}

export interface GuardOptions {
  /** Hosts that the plan or its environment names literally: this machine and private addresses among them may be called. */
  trusted: Iterable<string>
  /** Private addresses may be called, also under names. */
  privateNetwork: boolean
}

type Kind = 'public' | 'loopback' | 'private' | 'forbidden'

/** Addresses at which clouds give out credentials of the machine, beside the link-local ones. */
const METADATA = new Set(['100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'])
const PRIVATE = new Set(['private', 'uniqueLocal', 'carrierGradeNat'])

/** What kind of address an IP literal is. Whatever is not surely public is not. */
export function kindOf(address: string): Kind {
  let ip: ipaddr.IPv4 | ipaddr.IPv6
  try {
    // IPv4 inside IPv6 (::ffff:127.0.0.1) counts as what it is.
    ip = ipaddr.process(address.replace(/%.*$/, ''))
  } catch {
    return 'forbidden'
  }
  if (METADATA.has(ip.toString())) return 'forbidden'
  const range = ip.range()
  if (range === 'unicast') return ip.kind() === 'ipv6' && compatible(ip as ipaddr.IPv6) ? 'forbidden' : 'public'
  if (range === 'loopback') return 'loopback'
  if (PRIVATE.has(range)) return 'private'
  // Translated addresses (RFC 6052) are what they lead to.
  if (range === 'rfc6052') return kindOf((ip as ipaddr.IPv6).toByteArray().slice(12).join('.')) === 'public' ? 'public' : 'forbidden'
  return 'forbidden'
}

/** `::a.b.c.d` (RFC 4291 2.5.5.1, deprecated). */
function compatible(ip: ipaddr.IPv6): boolean {
  return ip.toByteArray().slice(0, 12).every((byte) => byte === 0)
}

/** Host as a name or address, without brackets. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').toLowerCase()
}

/** The guard of a connection (server-side request forgery, OWASP). Link-local and metadata addresses are never called. */
export function createGuard({ trusted, privateNetwork }: GuardOptions): AddressGuard {
  const own = new Set([...trusted].map((host) => host.replace(/^\[|\]$/g, '').toLowerCase()))
  const allowed = (kind: Kind, host: string): boolean => {
    if (kind === 'public') return true
    if (kind === 'forbidden') return false
    // A name proves nothing about where it leads, except those that can lead to this machine only.
    return privateNetwork || (own.has(host) && (isIP(host) !== 0 || (kind === 'loopback' && isLoopback(host))))
  }
  const refuse = (host: string, address: string): IsthmusError => {
    const kind = kindOf(address)
    const what = { loopback: 'this machine', private: 'a private network', forbidden: 'an address that is never called', public: '' }[kind]
    return new IsthmusError('BlockedAddress', `${host}${host === address ? '' : ` (${address})`} leads to ${what}; nothing was sent there`, {
      field: 'from.privateNetwork',
      cure: kind === 'forbidden' ? 'correct the address' : 'set `privateNetwork: true` on the source if it is meant to be called there',
    })
  }
  return {
    check(url) {
      const host = hostOf(url)
      if (isIP(host) !== 0 && !allowed(kindOf(host), host)) throw refuse(host, host)
    },
    lookup(name, options, callback) {
      const host = name.toLowerCase().replace(/\.$/, '')
      dnsLookup(name, { ...(options as LookupOptions), all: true }, (error, found) => {
        if (error) return callback(error, '', 0)
        const list = found as LookupAddress[]
        // One address that may not be called spoils the name: such answers are made to slip through.
        const wrong = list.find(({ address }) => !allowed(kindOf(address), host))
        if (wrong) return callback(refuse(host, wrong.address) as unknown as NodeJS.ErrnoException, '', 0)
        if ((options as LookupOptions).all) return callback(null, list)
        const [first] = list
        if (!first) return callback(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '', 0)
        callback(null, first.address, first.family)
      })
    },
  }
}
