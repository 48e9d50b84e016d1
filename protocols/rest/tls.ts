import { createPrivateKey, X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import type { buildConnector } from 'undici'
import { IsthmusError } from '../../model/index.ts'
import type { Tls, Value } from '../../model/index.ts'
import type { Redactor } from '../../model/redact/index.ts'

/**
 * TLS of a connection: client certificate (mutual TLS, RFC 8705) and own certificate authority, beside those everybody trusts.
 * Servers are verified whatever the process's environment says. Throws InvalidInput naming the field.
 */
export function tlsOptions(tls: Tls, resolve: (value: Value) => string, redactor: Redactor): buildConnector.BuildOptions {
  const pem = (field: 'cert' | 'ca', check: (text: string) => unknown): string | null => {
    const value = tls[field]
    if (value === null) return null
    const text = resolve(value).replaceAll('\\n', '\n')
    try {
      check(text)
    } catch {
      throw wrong(field, 'is no certificate in PEM form')
    }
    return text
  }
  const cert = pem('cert', (text) => new X509Certificate(text))
  const ca = pem('ca', (text) => new X509Certificate(text))
  const key = tls.key === null ? null : resolve(tls.key).replaceAll('\\n', '\n')
  if (key !== null) redactor.add(key)
  if ((cert === null) !== (key === null)) throw wrong(cert === null ? 'cert' : 'key', 'is missing: a client certificate and its key go together')
  if (cert !== null && key !== null) {
    try {
      const own = createPrivateKey(key)
      if (!new X509Certificate(cert).checkPrivateKey(own)) throw wrong('key', 'belongs to another certificate')
    } catch (error) {
      // The error of OpenSSL is left out: it may quote the key.
      throw error instanceof IsthmusError ? error : wrong('key', 'is no private key in PEM form')
    }
  }
  return { rejectUnauthorized: true, ...(cert !== null && { cert, key: key! }), ...(ca !== null && { ca: [...rootCertificates, ca] }) }
}

function wrong(field: keyof Tls, what: string): IsthmusError {
  return new IsthmusError('InvalidInput', `\`tls.${field}\` ${what}`, { field: `from.tls.${field}`, cure: `correct the value \`tls.${field}\` refers to` })
}
