import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { authSchema } from '../../model/index.ts'
import { createHttp } from '../http/index.ts'
import { json, testServer } from '../testing/server.ts'
import { createAuthenticator } from './authenticator.ts'
import { signatureBase, signatureOf, signOAuth1 } from './oauth1.ts'

const target = (method: string, url: string, body: string | null = null) => ({ method, url: new URL(url), body, headers: (body === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' }) as Record<string, string> })
const protocol = (key: string, token: string, timestamp: string, nonce: string): [string, string][] => [
  ['oauth_consumer_key', key], ['oauth_token', token], ['oauth_signature_method', 'HMAC-SHA1'], ['oauth_timestamp', timestamp], ['oauth_nonce', nonce],
]

describe('OAuth 1.0a', () => {
  it('makes the base string of RFC 5849 3.4.1.1: query, form body, repeated and empty parameters', () => {
    const base = signatureBase(target('POST', 'http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b', 'c2&a3=2+q'), protocol('9djdj82h48djs9d2', 'kkk9d7dh3k39sjv7', '137131201', '7d8f3e4a'))
    expect(base).toBe(
      'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7',
    )
  })

  it('signs the request of RFC 5849 1.2', () => {
    const base = signatureBase(target('GET', 'http://photos.example.net/photos?file=vacation.jpg&size=original'), protocol('dpf43f3p2l4k3l03', 'nnch734d00sl2jdk', '137131202', 'chapoH'))
    expect(signatureOf(base, { consumerSecret: 'kd94hf93k423kf44', tokenSecret: 'pfkkdhi9sl3r4s00', signature: 'HMAC-SHA1' })).toBe('MdpQcU8iPSUjWoN/UDMsK2sui9I=')
  })

  it('sends a header that a server can verify, with realm and a new nonce each time', async () => {
    const server = await testServer((_seen, res) => json(res, {}))
    const http = createHttp({ origins: [server.url], timeoutMs: 2000, maxBytes: 1 << 20, concurrency: 1, userAgent: 'test' })
    const values: Record<string, string> = { CS: 'canary-consumer&secret', TS: 'canary-token/secret' }
    const auth = createAuthenticator(authSchema.parse({ kind: 'oauth1', consumerKey: 'ck', consumerSecret: { env: 'CS' }, token: 'tk', tokenSecret: { env: 'TS' }, realm: '1234567_SB1' }), {
      http, baseUrl: server.url, resolve: (v) => (typeof v === 'string' ? v : values[(v as { env: string }).env]!),
    })
    const ask = () => http.request({ method: 'POST', url: `${server.url}/x y?q=a+b&q=%C3%A9`, body: '{}', headers: { 'content-type': 'application/json' }, sign: (t) => auth.apply(t, null) })
    await ask()
    await ask()
    const fields = server.seen.map((seen) => Object.fromEntries([...seen.headers['authorization']!.matchAll(/(\w+)="([^"]*)"/g)].map(([, k, v]) => [k!, decodeURIComponent(v!)])))
    expect(fields[0]).toMatchObject({ realm: '1234567_SB1', oauth_consumer_key: 'ck', oauth_token: 'tk', oauth_signature_method: 'HMAC-SHA256', oauth_version: '1.0' })
    expect(new Set(fields.map((f) => f['oauth_nonce'])).size).toBe(2)
    for (const f of fields) {
      // Written out by hand: what the header says, the address as the server saw it.
      const e = encodeURIComponent
      const names = ['oauth_consumer_key', 'oauth_nonce', 'oauth_signature_method', 'oauth_timestamp', 'oauth_token', 'oauth_version']
      const parameters = [...names.map((n) => `${n}=${e(f[n]!)}`), 'q=%C3%A9', 'q=a%20b'].join('&')
      const base = `POST&${e(`${server.url}/x%20y`)}&${e(parameters)}`
      expect(f['oauth_signature']).toBe(createHmac('sha256', 'canary-consumer%26secret&canary-token%2Fsecret').update(base).digest('base64'))
    }
    expect(http.redactor.text('x canary-token/secret canary-consumer&secret')).toBe('x *** ***')
    await http.close()
    await server.close()
  })
})

describe('examples of vendors', () => {
  it('signs as X documents it: form body, HMAC-SHA1', () => {
    // https://developer.x.com/en/docs/authentication/oauth-1-0a/creating-a-signature
    const request = target('POST', 'https://api.twitter.com/1/statuses/update.json?include_entities=true', 'status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21')
    const header = signOAuth1(request, {
      consumerKey: 'xvz1evFS4wEEPTGEFPHBog', consumerSecret: 'kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw', realm: '', signature: 'HMAC-SHA1',
      token: '370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb', tokenSecret: 'LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE',
    }, { timestamp: 1318622958, nonce: 'kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg' })
    expect(header).toContain('oauth_signature="tnnArxj06cWHq44gCs1OSKk%2FjLY%3D"')
    expect(header).not.toContain('realm')
  })

  it('signs as NetSuite documents it: JSON body, HMAC-SHA256, realm', () => {
    // https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_1534941088.html
    const request = { ...target('POST', 'https://123456.restlets.api.netsuite.com/app/site/hosting/restlet.nl?script=6&deploy=1&customParam=someValue&testParam=someOtherValue', '{"a":1}'), headers: { 'content-type': 'application/json' } }
    const header = signOAuth1(request, {
      consumerKey: 'ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4', consumerSecret: 'd26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5',
      token: '2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc', tokenSecret: 'c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295', realm: '123456', signature: 'HMAC-SHA256',
    }, { timestamp: 1508242306, nonce: 'fjaLirsIcCGVZWzBX0pg' })
    expect(header).toMatch(/^OAuth realm="123456", /)
    expect(header).toContain('oauth_signature="%2BKK4SKNgz4ZiILGLwOMtfYlgcXSy1eis8ldE9X90azQ%3D"')
  })
})
