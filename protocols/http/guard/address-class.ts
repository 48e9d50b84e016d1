import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Where an IP address leads, as far as a program that calls addresses of others has to care. */
export type AddressClass =
  | 'public'
  /** 127.0.0.0/8, ::1 */
  | 'loopback'
  /** RFC 1918, fc00::/7 */
  | 'private'
  /** 100.64.0.0/10 (RFC 6598) */
  | 'shared'
  /** 169.254.0.0/16, fe80::/10 */
  | 'link-local'
  /** Addresses at which clouds hand out credentials of the machine, outside of link-local. */
  | 'cloud metadata'
  /** 0.0.0.0/8, multicast, broadcast, documentation, benchmarks, and whatever is no global unicast address. */
  | 'reserved'

/** AWS over IPv6, Google over IPv6, Alibaba, Oracle, Azure's host agent. */
const METADATA = new Set(['fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '192.0.0.192', '168.63.129.16'])
const METADATA_NAMES = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data', 'instance-data.ec2.internal'])

/** Names that clouds resolve to their metadata service. */
export function isMetadataName(host: string): boolean {
  return METADATA_NAMES.has(host.toLowerCase().replace(/\.+$/, ''))
}

/** The IP address a URL's host is, without brackets; null when it is a name. Odd notations are normal by then (WHATWG URL). */
export function ipOf(host: string): string | null {
  const bare = host.replace(/^\[|\]$/g, '')
  return isIPv4(bare) || isIPv6(bare) ? bare : null
}

/** The class of an IP address. What cannot be read is `reserved`. An IPv6 address that carries an IPv4 address is judged by it. */
export function classOfAddress(address: string): AddressClass {
  const bare = address.replace(/%.*$/, '')
  if (isIPv4(bare)) return classOfV4(ipaddr.IPv4.parse(bare))
  return isIPv6(bare) ? classOfV6(ipaddr.IPv6.parse(bare)) : 'reserved'
}

function classOfV4(ip: ipaddr.IPv4): AddressClass {
  if (METADATA.has(ip.toString())) return 'cloud metadata'
  const range: string = ip.range()
  switch (range) {
    case 'unicast':
      return 'public'
    case 'loopback':
      return 'loopback'
    case 'private':
      return 'private'
    case 'carrierGradeNat':
      return 'shared'
    case 'linkLocal':
      return 'link-local'
    default:
      return 'reserved'
  }
}

function classOfV6(ip: ipaddr.IPv6): AddressClass {
  if (METADATA.has(ip.toString())) return 'cloud metadata'
  const embedded = embeddedV4(ip)
  const range: string = ip.range()
  switch (range) {
    case 'loopback':
      return 'loopback'
    case 'uniqueLocal':
      return 'private'
    case 'linkLocal':
      return 'link-local'
    case 'unspecified':
      return 'reserved'
    default:
      if (embedded.length > 0) return worst(embedded.map(classOfV4))
      // Only 2000::/3 is global unicast (RFC 4291).
      return range === 'unicast' && (ip.parts[0]! & 0xe000) === 0x2000 ? 'public' : 'reserved'
  }
}

/** IPv4 addresses that an IPv6 address stands for: packets to it may end there. */
function embeddedV4(ip: ipaddr.IPv6): ipaddr.IPv4[] {
  const b = ip.toByteArray()
  const v4 = (at: number, flip = 0): ipaddr.IPv4 => new ipaddr.IPv4(b.slice(at, at + 4).map((byte) => byte ^ flip))
  const zero = (from: number, to: number): boolean => b.slice(from, to).every((byte) => byte === 0)
  const range: string = ip.range()
  switch (range) {
    // ::ffff:a.b.c.d (RFC 4291), ::ffff:0:a.b.c.d (RFC 2765), 64:ff9b::a.b.c.d and 64:ff9b:1::/48 (RFC 6052, 8215)
    case 'ipv4Mapped':
    case 'rfc6145':
    case 'rfc6052':
      return [v4(12)]
    case '6to4':
      return [v4(2)]
    // Server and, with its bits flipped, client (RFC 4380).
    case 'teredo':
      return [v4(4), v4(12, 0xff)]
    default:
      // ::a.b.c.d (RFC 4291, deprecated) and ISATAP's ::0:5efe:a.b.c.d below any prefix (RFC 5214).
      if (zero(0, 12) || ((b[8]! & 0xfd) === 0 && b[9] === 0 && b[10] === 0x5e && b[11] === 0xfe)) return [v4(12)]
      return []
  }
}

const RANK: AddressClass[] = ['public', 'shared', 'private', 'loopback', 'reserved', 'cloud metadata', 'link-local']

function worst(classes: AddressClass[]): AddressClass {
  return classes.reduce((a, b) => (RANK.indexOf(b) > RANK.indexOf(a) ? b : a))
}
