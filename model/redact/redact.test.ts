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
    expect(redactor.text('Authorization: Bearer abcdefghijklmnopqrst eyJhbGciOiJI.eyJzdWIi.sig')).toBe('Authorization: Bearer *** ***')
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
