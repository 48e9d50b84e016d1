/** Ways in which a secret shows in texts of others. Each gives '' where it adds nothing. */
export type Encode = (secret: string) => string

/** Encoded forms shorter than this are left out: they would blank ordinary text. */
const MIN_CODED = 8

const json: Encode = (s) => JSON.stringify(s).slice(1, -1)
const form: Encode = (s) => new URLSearchParams({ v: s }).toString().slice(2)
const lowerHex = (text: string): string => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())
const uri: Encode = (s) => {
  try {
    return encodeURIComponent(s)
  } catch {
    // Half of a surrogate pair has no such form.
    return ''
  }
}

/** How a secret shows as it is, or escaped. */
export const ESCAPED: Encode[] = [
  (s) => s,
  json,
  // A JSON text inside a JSON text, and the slash that PHP escapes.
  (s) => json(json(s)),
  (s) => json(s).replaceAll('/', '\\/'),
  uri,
  (s) => lowerHex(uri(s)),
  form,
  (s) => lowerHex(form(s)),
  (s) => s.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
  (s) => s.replaceAll('\r\n', '\n').replaceAll('\n', '\\n'),
]

/** Base64 that begins `shift` bytes before the secret, without the characters that hold bits of its neighbours. */
function base64(secret: string, shift: number): string {
  const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret, 'utf8')])
  const from = shift === 0 ? 0 : shift + 1
  return bytes.toString('base64').slice(from, Math.floor((bytes.length * 8) / 6))
}

const coded = (encode: Encode): Encode => (secret) => {
  const text = encode(secret)
  return text.length >= MIN_CODED ? text : ''
}
const urlSafe = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_')

/** How a secret shows in base64 (wherever it begins in the encoded text), base64url and hex. */
export const CODED: Encode[] = [0, 1, 2]
  .flatMap((shift): Encode[] => [(s) => base64(s, shift), (s) => urlSafe(base64(s, shift))])
  .concat([(s) => Buffer.from(s, 'utf8').toString('hex'), (s) => Buffer.from(s, 'utf8').toString('hex').toUpperCase()])
  .map(coded)
