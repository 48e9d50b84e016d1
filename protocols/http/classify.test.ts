import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { classify } from './classify.ts'
import { createRedactor } from '../../model/redact/index.ts'

const now = 1_800_000_000_000
const redactor = createRedactor()
redactor.add('canary-secret')
const kind = (status: number, body: string | Buffer = '{}', headers: Record<string, string> = {}, asJson = true) =>
  classify({ status, headers, body: Buffer.from(body as string), url: 'http://x/' }, { nowMs: now, redactor, expects: asJson ? 'json' : null })

describe('classify', () => {
  it.each([
    [200, '{"a":1}', {}, 'ok'],
    [200, '\ufeff [1]', {}, 'ok'],
    [204, '', {}, 'empty'],
    [200, '', {}, 'transient'],
    [200, '  ', {}, 'transient'],
    [200, '<!doctype html><html>Sign in</html>', { 'content-type': 'text/html' }, 'transient'],
    [429, '', {}, 'throttled'],
    [429, '', { 'retry-after': '5' }, 'throttled'],
    [503, '', { 'retry-after': '5' }, 'throttled'],
    [503, '', {}, 'transient'],
    [503, '', { 'retry-after': 'NaN' }, 'transient'],
    [403, '[{"errorCode":"REQUEST_LIMIT_EXCEEDED"}]', {}, 'throttled'],
    [403, '{"error":{"errors":[{"reason":"rateLimitExceeded"}]}}', {}, 'throttled'],
    [403, '{"message":"API rate limit exceeded"}', {}, 'throttled'],
    [403, '{}', { 'x-ratelimit-remaining': '0' }, 'throttled'],
    [403, '{"message":"no access"}', {}, 'permission'],
    [400, '{"error":{"code":"SSS_REQUEST_LIMIT_EXCEEDED"}}', {}, 'throttled'],
    [401, '{}', {}, 'authRequired'],
    [408, '', {}, 'transient'],
    [425, '', {}, 'transient'],
    [500, '', {}, 'transient'],
    [502, '<html>bad gateway</html>', {}, 'transient'],
    [404, '', {}, 'refused'],
    [410, '', {}, 'refused'],
    [422, '', {}, 'refused'],
    [304, '', {}, 'refused'],
  ] as const)('%i %s %o is %s', (status, body, headers, expected) => expect(kind(status, body, headers).kind).toBe(expected))

  it('tells until when, and null when the API does not say', () => {
    expect(kind(429, '', { 'retry-after': '5' })).toMatchObject({ untilMs: now + 5000 })
    expect(kind(429)).toMatchObject({ untilMs: null })
  })

  it('quotes the body briefly and without secrets', () => {
    const verdict = kind(400, `<html><style>x{}</style><b>wrong\n</b>key canary-secret and Bearer abcdefghijklmnop1234 and ${'x'.repeat(900)}</html>`)
    expect(verdict).toMatchObject({ kind: 'refused' })
    const reason = (verdict as { reason: string }).reason
    expect(reason).toMatch(/^HTTP 400: wrong key \*\*\* and Bearer \*\*\* and x+\.\.\.$/)
    expect(reason.length).toBeLessThan(250)
  })

  it('keeps HTML for the end as Contract, and 5xx as Transient', () => {
    expect(kind(200, '<html>')).toMatchObject({ last: 'Contract' })
    expect(kind(500, '<html>')).toMatchObject({ last: 'Transient' })
    expect(kind(200, gzipSync('x'), {}, false)).toEqual({ kind: 'ok' })
  })
})
