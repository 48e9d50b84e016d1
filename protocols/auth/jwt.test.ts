import { createHash, createPrivateKey, createPublicKey, verify } from 'node:crypto'
import { CompactSign } from 'jose'
import { generate } from 'selfsigned'
import { describe, expect, it } from 'vitest'
import { signJwt } from './jwt.ts'
import { signingKey } from './key.ts'

// Keys, payload and signatures of RFC 7515, Appendix A.2 and A.3.
const rsa = {
  kty: 'RSA',
  n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
  e: 'AQAB',
  d: 'Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ',
  p: '4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc',
  q: 'uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc',
  dp: 'BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0',
  dq: 'h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU',
  qi: 'IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U',
}
const ec = { kty: 'EC', crv: 'P-256', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0', d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI' }
const PAYLOAD = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'
const A2 = 'cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw'
const A3 = 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'

const blame = { field: 'from.auth.key', variables: ['KEY'], credentials: [], connection: '' }
/** As a person keeps it: PEM, on one line as in `.env` files. */
const pem = (jwk: object): string => (createPrivateKey({ key: jwk as never, format: 'jwk' }).export({ type: 'pkcs8', format: 'pem' }) as string).replaceAll('\n', '\\n')
const publicOf = (jwk: object) => createPublicKey({ key: jwk as never, format: 'jwk' })
const signed = (header: string, payload: string) => Buffer.from(`${header}.${payload}`)

describe('keys of RFC 7515', () => {
  it('sign as Appendix A.2 (RS256) to the byte', async () => {
    const jws = await new CompactSign(Buffer.from(PAYLOAD, 'base64url')).setProtectedHeader({ alg: 'RS256' }).sign(signingKey('RS256', pem(rsa), blame))
    expect(jws).toBe(`eyJhbGciOiJSUzI1NiJ9.${PAYLOAD}.${A2}`)
  })

  it('sign as Appendix A.3 (ES256): 64 bytes of R and S, which the published key verifies as it verifies the published one', async () => {
    const jws = await new CompactSign(Buffer.from(PAYLOAD, 'base64url')).setProtectedHeader({ alg: 'ES256' }).sign(signingKey('ES256', pem(ec), blame))
    const [header, payload, signature] = jws.split('.') as [string, string, string]
    for (const s of [A3, signature]) expect(verify('sha256', signed(header, payload), { key: publicOf(ec), dsaEncoding: 'ieee-p1363' }, Buffer.from(s, 'base64url'))).toBe(true)
    expect(Buffer.from(signature, 'base64url')).toHaveLength(64)
  })

  it('name their certificate by the SHA-256 of its DER (4.1.8), and say what is wrong with it', async () => {
    const { cert } = await generate([{ name: 'commonName', value: 'acme' }], { keySize: 2048 })
    const recipe = { algorithm: 'PS256', key: pem(rsa), keyId: '', ttl: '3m', claims: {}, blame: { ...blame, field: 'from.auth.clientAssertion.key' } }
    const { jwt } = await signJwt({ ...recipe, certificate: cert.replaceAll('\n', '\\n') }, 0)
    const der = Buffer.from(cert.replace(/-----[^-]+-----|\s/g, ''), 'base64')
    expect(JSON.parse(Buffer.from(jwt.split('.')[0]!, 'base64url').toString())).toEqual({ alg: 'PS256', typ: 'JWT', 'x5t#S256': createHash('sha256').update(der).digest('base64url') })
    await expect(signJwt({ ...recipe, certificate: 'canary-no-pem' }, 0)).rejects.toMatchObject({ type: 'InvalidInput', field: 'from.auth.clientAssertion.certificate', message: expect.not.stringContaining('canary') as string })
  })

  it('give JWTs of that form, with the claims of RFC 7523 section 3', async () => {
    const { jwt } = await signJwt({ algorithm: 'RS256', key: pem(rsa), keyId: '16', ttl: '3m', claims: { iss: 'https://jwt-idp.example.com', sub: 'mailto:mike@example.com', aud: 'https://jwt-as.example.net' }, blame }, 1_300_815_780_000)
    const [header, payload, signature] = jwt.split('.') as [string, string, string]
    const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown
    expect(read(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: '16' })
    expect(read(payload)).toEqual({ iss: 'https://jwt-idp.example.com', sub: 'mailto:mike@example.com', aud: 'https://jwt-as.example.net', iat: 1_300_815_780, exp: 1_300_815_960 })
    expect(verify('sha256', signed(header, payload), publicOf(rsa), Buffer.from(signature, 'base64url'))).toBe(true)
  })
})
