import { expect, test } from 'vitest'
import { soapSecuritySchema } from '../../model/soap.ts'
import { createRedactor } from '../../model/redact/index.ts'
import { createSecurity, tokenPassport, usernameToken } from './security.ts'

test('password digest of the ONVIF Application Programmer\'s Guide (6.1.1.3), which follows OASIS UsernameToken Profile 1.1.1', () => {
  const xml = usernameToken({ username: 'admin', password: 'userpassword', digest: true, timestamp: false }, { nowMs: Date.parse('2010-09-16T07:50:45Z'), nonce: Buffer.from('LKqI6G/AikKCQrN0zqZFlg==', 'base64') })
  expect(xml).toContain('username-token-profile-1.0#PasswordDigest">tuOSpGlFlIXsozq4HFNeeGeFLEI=</')
  expect(xml).toContain('<wsu:Created>2010-09-16T07:50:45Z</wsu:Created>')
  expect(xml).not.toContain('userpassword')
})

test('signature of a TokenPassport with the values of the NetSuite documentation (article 163240164565)', () => {
  const made = tokenPassport(
    {
      account: '1234567', consumerKey: '71cc02b731f05895561ef0862d71553a3ac99498a947c3b7beaf4a1e4a29f7c4', token: '89e08d9767c5ac85b374415725567d05b54ecf0960ad2470894a52f741020d82',
      consumerSecret: '7278da58caf07f5c336301a601203d10a58e948efa280f0618e25fcee1ef2abd', tokenSecret: '060cd9ab3ffbbe1e3d3918e90165ffd37ab12acc76b4691046e2d29c7d7674c2',
    },
    { nowMs: 1439829974_000, nonce: '6obMKq0tmY8ylVOdEkA1' },
  )
  // As the tests of two public clients have it, made with other languages.
  expect(made['signature']).toEqual({ '@algorithm': 'HMAC-SHA256', '#text': 'FCghIZqXNetuZY8ILWOFH0ucdfzQOmAuL+q+kF21zPs=' })
})

test('each request has a nonce and a time of its own, and secrets are hidden', () => {
  const redactor = createRedactor()
  let now = 0
  const secure = createSecurity(soapSecuritySchema.parse({ kind: 'usernameToken', username: '<u>', password: { env: 'P' }, passwordType: 'digest' }), (v) => (typeof v === 'string' ? v : 'hunter2-secret'), redactor, () => (now += 1000))
  const [a, b] = [secure(null).xml, secure(null).xml]
  expect(a).not.toBe(b)
  expect(a).toContain('<wsse:Username>&#60;u&#62;</wsse:Username>')
  expect(redactor.text('the password is hunter2-secret')).not.toContain('hunter2')
})
