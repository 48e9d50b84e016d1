/** The ways in which a secret may stand in a text: as it is, and as headers, addresses, JSON and logs encode it. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8')
  const forms = new Set([secret, JSON.stringify(secret).slice(1, -1), safeEncode(secret), new URLSearchParams({ v: secret }).toString().slice(2)])
  // Below this the encoded forms would meet ordinary text.
  if (bytes.length >= 8) {
    for (const encoded of [...shifted(bytes, 'base64'), ...shifted(bytes, 'base64url')]) forms.add(encoded)
    forms.add(bytes.toString('hex'))
    forms.add(bytes.toString('hex').toUpperCase())
  }
  return [...forms].filter((form) => form.length >= 4)
}

/** Base64 of the bytes as they stand inside a longer text, at each of the three alignments; characters that neighbours share are left out. */
function shifted(bytes: Buffer, encoding: 'base64' | 'base64url'): string[] {
  return [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding)
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6))
  })
}

function safeEncode(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    // Half of a surrogate pair.
    return text
  }
}
