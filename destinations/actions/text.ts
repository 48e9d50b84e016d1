import { jsonText } from '../../model/json/index.ts'

/** A value as text; numbers keep their digits. A list of one is its element. */
export function plainText(value: unknown): string {
  if (Array.isArray(value) && value.length === 1) return plainText(value[0])
  return jsonText(value)
}

/** The id at the end of an address in `Location` (RFC 9110 10.2.2): its last segment; null when there is none. */
export function locationId(location: string | undefined): string | null {
  if (location === undefined || !URL.canParse(location, 'http://localhost')) return null
  const last = new URL(location, 'http://localhost').pathname.split('/').filter((s) => s !== '').at(-1)
  if (last === undefined) return null
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}
