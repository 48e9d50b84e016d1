import { lookup as dnsLookup } from 'node:dns'
import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { IsthmusError } from '../../../model/index.ts'
import { classOfAddress, ipOf, isMetadataName } from './address-class.ts'
import type { AddressClass } from './address-class.ts'

/** Which addresses that are not public a connection may call. */
export interface AddressPolicy {
  /**
   * Origins (`scheme://host:port`) that the author of the plan or the operator wrote down himself: where the host is a loopback or private
   * IP address, or `localhost`, it may be called. Never what a customer typed in.
   */
  literal: ReadonlySet<string>
  /** Loopback, private and shared addresses may be called, whatever name leads there. */
  privateNetwork: boolean
}

/** Decides which addresses may be called; link-local and metadata addresses never may. */
export interface AddressGuard {
  /** Throws BlockedAddress for an address that must not be called, as far as it shows without a look-up. */
  check(url: URL): void
  /** A connector for undici that checks the IP address it is about to connect to: what was checked is what is called, however a name resolves next time. */
  connector(options: buildConnector.BuildOptions): buildConnector.connector
}

export type Resolve = (host: string, options: { all: true; family?: number; hints?: number }, done: (error: Error | null, found: LookupAddress[]) => void) => void
/** Classes that one kind of host may lead to. */
type Allowed = ReadonlySet<AddressClass>

const PUBLIC: Allowed = new Set(['public'])
const NEAR: Allowed = new Set(['public', 'loopback', 'private', 'shared'])
const LITERAL: Allowed = new Set(['public', 'loopback', 'private'])
const LOCAL_NAME: Allowed = new Set(['loopback'])
const NOTHING: Allowed = new Set()

const isLocalName = (host: string): boolean => /(^|\.)localhost\.?$/i.test(host)

/** @param resolve the name service; for tests */
export function createGuard(policy: AddressPolicy, resolve: Resolve = dnsLookup as unknown as Resolve): AddressGuard {
  const { literal } = policy

  const allowedFor = (origin: string, host: string): Allowed => {
    if (isLocalName(host)) return policy.privateNetwork || literal.has(origin) ? LOCAL_NAME : NOTHING
    if (policy.privateNetwork) return NEAR
    return ipOf(host) !== null && literal.has(origin) ? LITERAL : PUBLIC
  }

  const check = (origin: string, host: string): void => {
    if (isMetadataName(host)) throw blocked(host, 'cloud metadata')
    const ip = ipOf(host)
    if (ip !== null) return demand(allowedFor(origin, host), host, ip)
    if (isLocalName(host) && allowedFor(origin, host) === NOTHING) throw blocked(host, 'loopback')
  }

  /** Looks a name up and hands on only addresses that may be called; one bad address among them refuses the name. */
  const lookupWith = (allowed: Allowed): LookupFunction => (host, options, done) => {
    const { all, ...rest } = options
    resolve(host, { ...(rest as { family?: number; hints?: number }), all: true }, (error, found) => {
      if (error) return done(error, '')
      try {
        for (const { address } of found) demand(allowed, host, address)
      } catch (refusal) {
        return done(refusal as Error, '')
      }
      const first = found[0]
      if (all) done(null, found)
      else if (first) done(null, first.address, first.family)
      else done(Object.assign(new Error('the name has no address'), { code: 'ENOTFOUND' }), '')
    })
  }

  return {
    check: (url) => check(url.origin, url.hostname),
    connector(options) {
      const made = new Map<Allowed, buildConnector.connector>()
      return (target, done) => {
        // As URL.origin writes it: no port where it is the scheme's own.
        const ip = ipOf(target.hostname)
        const host = ip !== null && ip.includes(':') ? `[${ip}]` : target.hostname
        const port = target.port === '' || Number(target.port) === (target.protocol === 'https:' ? 443 : 80) ? '' : `:${target.port}`
        const origin = `${target.protocol}//${host}${port}`
        try {
          check(origin, target.hostname)
        } catch (refusal) {
          return done(refusal as Error, null)
        }
        const allowed = allowedFor(origin, host)
        const connect = made.get(allowed) ?? buildConnector({ ...options, lookup: lookupWith(allowed) })
        made.set(allowed, connect)
        connect(target, done)
      }
    },
  }
}

function demand(allowed: Allowed, host: string, address: string): void {
  const found = classOfAddress(address)
  if (!allowed.has(found)) throw blocked(host, found, address)
}

const WORDS: Record<AddressClass, string> = {
  public: 'an address outside of this machine',
  loopback: 'this machine itself (loopback)',
  private: 'a private address',
  shared: 'an address of a shared network (100.64.0.0/10)',
  'link-local': 'a link-local address, where clouds keep metadata',
  'cloud metadata': 'a metadata service of a cloud',
  reserved: 'a reserved address',
}

/** Names the host and the class of address, not the address a name has in the internal network. */
function blocked(host: string, found: AddressClass, address?: string): IsthmusError {
  const leads = address !== undefined && ipOf(host) !== null ? 'is' : 'leads to'
  const openable = found === 'loopback' || found === 'private' || found === 'shared'
  return new IsthmusError('BlockedAddress', `${host} ${leads} ${WORDS[found]}; nothing was sent there`, {
    cure: openable ? 'set `privateNetwork: true` on the source if the system really runs in your own network' : 'correct the address: this kind is never called',
  })
}
