import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRedactor, redactUrl } from './index.ts'
import { joinUrl, setQuery } from '../../protocols/http/query.ts'

describe('redactUrl', () => {
  it('masks secrets by name, drops user info and fragment', () => {
    expect(redactUrl('https://u:p@h/x?api_key=a&page=2&access_token=b&X-Amz-Signature=c#f')).toBe('https://h/x?api_key=***&page=2&access_token=***&X-Amz-Signature=***')
    expect(redactUrl('not a url?token=1')).toBe('not a url')
    expect(redactUrl(`https://h/${'a'.repeat(900)}`).length).toBeLessThan(510)
  })
})

describe('redactor', () => {
  it('masks a registered value in plain, JSON, URL and form encoding', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6, maxLength: 30 }).filter((s) => s.trim().length > 5), (secret) => {
        const redactor = createRedactor()
        redactor.add(secret)
        const forms = [secret, JSON.stringify(secret), encodeURIComponent(secret), new URLSearchParams({ a: secret }).toString()]
        for (const form of forms) expect(redactor.holds(redactor.text(`x ${form} y`))).toBe(false)
      }),
    )
    const redactor = createRedactor()
    redactor.add('s3cret value')
    expect(redactor.url('https://h/?q=s3cret%20value&page=1')).toBe('https://h/?q=***&page=1')
    expect(redactor.text('Bearer abcdefghijklmnopqrst eyJhbGciOiJI.eyJzdWIi.sig')).toBe('Bearer *** ***')
    expect(redactor.text('Authorization: Bearer abcdefghijklmnopqrst eyJhbGciOiJI.eyJzdWIi.sig')).toBe('Authorization: ***')
  })
})

describe('addresses', () => {
  it('joins base and path as people mean it', () => {
    const join = (base: string, path: string) => joinUrl(base, path).href
    expect(join('https://h/api/v1', '/orders')).toBe('https://h/api/v1/orders')
    expect(join('https://h/api/v1/', 'orders?a=1')).toBe('https://h/api/v1/orders?a=1')
    expect(join('https://h/api?k=1', '?a=%20b')).toBe('https://h/api?k=1&a=%20b')
    expect(join('https://h', 'https://i/x')).toBe('https://i/x')
    expect(join('https://h', '')).toBe('https://h/')
  })

  it('sets parameters without touching the text of others', () => {
    const url = new URL('https://h/?cursor=a%2Bb+c&x=1&x=2&%24top=3')
    setQuery(url, 'x', ["it's", 'b c'])
    setQuery(url, '$top', [])
    expect(url.search).toBe('?cursor=a%2Bb+c&x=it%27s&x=b%20c')
  })
})

describe('by value', () => {
  /** Base64 as it stands on the wire, decoded by Node at each offset: what is left must not show the value. */
  const leaks = (text: string, secret: string): boolean =>
    text.includes(secret) || text.toLowerCase().includes(Buffer.from(secret).toString('hex')) || [...text.matchAll(/[A-Za-z0-9+/_-]{8,}/g)].some(([run]) => [0, 1, 2, 3].some((skip) => Buffer.from(run.slice(skip), 'base64').includes(secret)))

  it('finds a value inside of longer base64, wherever it begins', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 10, maxLength: 40 }), fc.string({ maxLength: 7 }), fc.string({ maxLength: 7 }), fc.constantFrom('base64', 'base64url', 'hex'), (secret, before, after, encoding) => {
      const redactor = createRedactor()
      redactor.add(secret)
      expect(leaks(redactor.text(`seen ${Buffer.from(before + secret + after).toString(encoding as 'hex')} there`), secret)).toBe(false)
    }), { numRuns: 500 })
  })
  it('takes short values as whole words only, and very short ones not at all', () => {
    const redactor = createRedactor()
    for (const secret of ['abc', 'lond', 'hunter2']) redactor.add(secret)
    expect(redactor.text('abc; london; lond; my hunter2! hunter22 "hunter2"')).toBe('abc; london; ***; my ***! hunter22 "***"')
  })
  it('knows one that was cut off', () => {
    const redactor = createRedactor()
    redactor.add('canary-0123456789-abcdefghij')
    expect(redactor.text('bad value canary-0123456789-ab')).toBe('bad value ***')
    expect(redactor.text("'canary-0123456789...' is no number")).toBe("'***...' is no number")
    expect(redactor.text('canary-0123456789-other text')).toBe('canary-0123456789-other text')
  })
  it('masks the longest of values that overlap, and forgets only the oldest of very many', () => {
    const redactor = createRedactor()
    redactor.add('secret-one-two')
    redactor.add('secret-one')
    expect(redactor.text('secret-one-two secret-one')).toBe('*** ***')
    for (let i = 0; i < 20_000; i++) {
      redactor.add(`value-number-${i}-of-many`)
      if (i % 5000 === 0) redactor.add('secret-one')
    }
    expect(redactor.text('secret-one value-number-19999-of-many secret-one-two')).toBe('*** *** ***-two')
  })
  it('leaves other text as it is, byte by byte', () => {
    const redactor = createRedactor()
    redactor.add('canary-0123456789')
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      fc.pre(!`${a}${b}`.includes('canary') && redactor.text(a) === a)
      expect(redactor.known(`${a}canary-0123456789${b}`)).toBe(`${a}***${b}`)
    }))
  })
})

describe('by name and shape', () => {
  const redactor = createRedactor()
  it.each([
    ['{"user":"u","password":"p w\\"x","n":1}', '{"user":"u","password":"***","n":1}'], ['{\\"client_secret\\":\\"abc\\",\\"a\\":1}', '{\\"client_secret\\":\\"***\\",\\"a\\":1}'], ["{'apiKey': 'abc'}", "{'apiKey': '***'}"],
    ['{"pin_token": 123456}', '{"pin_token": ***}'], ['a=1&access_token=abc%20d&b=2', 'a=1&access_token=***&b=2'], ['PGPASSWORD=abc psql', 'PGPASSWORD=*** psql'], ['X-Api-Key: abc def', 'X-Api-Key: ***'],
    ['set-cookie: sid=abc; Path=/\nother: 1', 'set-cookie: ***\nother: 1'], ['postgres://u:p@ss@h/db', 'postgres://h/db'], ['Basic dXNlcjpwYXNzd29yZA==', 'Basic ***'],
    ['key sk_live_4eC39HqLyjWDarjtT1zdp7dc.', 'key ***.'], ['ghp_16C7e42F292c6912E7710c838347Ae178B4a', '***'], ['xoxb-123456789012-abcdef', '***'], ['AKIAIOSFODNN7EXAMPLE', '***'], ['github_pat_11ABCDEFG0abcdefghijkl_mnop', '***'],
    ['x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y', 'x *** y'], ['-----BEGIN PRIVATE KEY-----\\nMIIE', '***'],
  ])('%s', (text, expected) => expect(redactor.text(text)).toBe(expected))
  // What a person needs to read: false alarms would hide the cause.
  it.each([
    'syncs/a.ts: from.auth.token: must be env(\'NAME\'). Cure: correct `from.auth.token`.', 'from.headers.x-api-key: the value of the header "x-api-key" holds a line break', 'the token endpoint h:443 refused the client credentials (invalid_client)',
    'parked: AuthFailed: the refresh token is expired', 'export ACME_TOKEN=..., or put it into .env', 'duplicate key value violates unique constraint "orders_pkey"', 'Key (id)=(5) already exists', 'signed in to acme: token version 3, valid until 2026-01-01T00:00:00.000Z',
    '{"read":1,"token_version":3,"tokenRefreshes":2,"keys":["id"]}', 'Basic authentication is needed', 'author: Bob; monkey: yes; authorised: 2',
  ])('leaves %s', (text) => expect(redactor.text(text)).toBe(text))
  it('takes time in proportion to the text, whatever stands in it', () => {
    const evil = ['a'.repeat(5e4) + '=', `"${'a.'.repeat(3e4)}`, '\\'.repeat(5e4), 'token-'.repeat(1e4) + '=', '-----BEGIN PRIVATE KEY-----'.repeat(2e3), 'eyJ'.repeat(2e4), '"token":"'.repeat(6e3), 'x-a-key:'.repeat(6e3), 'a://'.repeat(1.2e4), '\\"password\\":\\"'.repeat(3e3), 'token="'.repeat(8e3), 'Bearer '.repeat(8e3), 'sk_live_'.repeat(8e3)]
    for (const text of evil) {
      const began = performance.now()
      redactor.text(text)
      expect(performance.now() - began, text.slice(0, 20)).toBeLessThan(2_000)
    }
  })
})

describe('objects', () => {
  it('are copied with bounds; names, errors, cycles and what cannot be read included', () => {
    const redactor = createRedactor()
    redactor.add('canary-0123456789')
    const error = Object.assign(new Error('no canary-0123456789', { cause: new Error('canary-0123456789') }), { code: 'E', response: { body: 'canary-0123456789' } })
    const deep = Array.from({ length: 100 }).reduce<unknown>((inner) => ({ inner }), 'canary-0123456789')
    const value: Record<string, unknown> = { error, deep, list: ['canary-0123456789', 5, null], map: new Map([['a', 'canary-0123456789']]), password: 'short', token: 7, 'canary-0123456789': 1, at: new Date(0), bytes: Buffer.from('canary-0123456789'), big: 5n, url: new URL('https://u:p@h/'), f: () => 1 }
    value['self'] = value
    Object.defineProperty(value, 'broken', { enumerable: true, get: () => { throw new Error('no') } })
    const copy = redactor.value(value) as Record<string, unknown>
    const text = JSON.stringify(copy)
    expect(text).not.toContain('canary')
    expect(copy).toMatchObject({ password: '***', token: '***', list: ['***', 5, null], self: '[circular]', broken: '[unreadable]', at: '1970-01-01T00:00:00.000Z', bytes: '[17 bytes]', big: '5', map: { a: '***' } })
    expect(copy['error']).toMatchObject({ name: 'Error', message: 'no ***', code: 'E', cause: { message: '***' } })
    expect(JSON.stringify(redactor.value(Array.from({ length: 1e6 }, () => ({ a: 1 })))).length).toBeLessThan(100_000)
    expect(JSON.parse(JSON.stringify(redactor.value(JSON.parse('{"__proto__":{"polluted":1}}'))))).toEqual(JSON.parse('{"__proto__":{"polluted":1}}'))
    expect(error.message).toContain('canary')
  })
})
