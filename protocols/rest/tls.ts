import { createPrivateKey, X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import type { buildConnector } from 'undici'
import { IsthmusError, referenceOf } from '../../model/index.ts'
import type { Tls, Value } from '../../model/index.ts'
import type { Redactor } from '../../model/redact/index.ts'
import { cureOf, isEncrypted, pemText } from '../auth/index.ts'

/**
 * TLS of a connection: client certificate (mutual TLS, RFC 8705) and own certificate authority, beside those everybody trusts.
 * Servers are verified whatever the process's environment says. Throws InvalidInput naming the field.
 */
export function tlsOptions(tls: Tls, resolve: (value: Value) => string, redactor: Redactor, connection = ''): buildConnector.BuildOptions {
  const wrong = (field: keyof Tls, what: string): IsthmusError => invalid(tls, field, what, connection)
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
  const key = tls.key === null ? null : pemText(resolve(tls.key), redactor)
  if ((cert === null) !== (key === null)) throw wrong(cert === null ? 'cert' : 'key', 'is missing: a client certificate and its key go together')
  if (cert !== null && key !== null) {
    try {
      const own = createPrivateKey(key)
      if (!new X509Certificate(cert).checkPrivateKey(own)) throw wrong('key', 'belongs to another certificate')
    } catch (error) {
      // The error of OpenSSL is left out: it may quote the key.
      throw error instanceof IsthmusError ? error : wrong('key', isEncrypted(key) ? 'is locked by a passphrase: take it off with `openssl pkey -in key.pem`' : 'is no private key in PEM form')
    }
  }
  return { rejectUnauthorized: true, ...(cert !== null && { cert, key: key! }), ...(ca !== null && { ca: [...rootCertificates, ca] }) }
}

function invalid(tls: Tls, field: keyof Tls, what: string, connection: string): IsthmusError {
  const reference = referenceOf(tls[field])
  const blame = {
    field: `from.tls.${field}`, connection,
    variables: reference && 'env' in reference ? [reference.env] : [],
    credentials: reference && 'credential' in reference ? [reference.credential] : [],
  }
  return new IsthmusError('InvalidInput', `\`tls.${field}\` ${what}`, { field: blame.field, cure: cureOf(blame) })
}
