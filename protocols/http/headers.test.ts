import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { IsthmusError } from '../../model/index.ts'
import { reading } from '../testing/reading.ts'
import { rawServer } from '../testing/server.ts'
import { createHttp } from './client.ts'
import { checkHeaders } from './headers.ts'

/** What arrived, byte by byte: the oracle. */
let wire = ''
const server = await rawServer((socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'), (bytes) => void (wire += bytes.toString('latin1')))
const http = createHttp({ origins: [server.url], timeoutMs: 2000, maxBytes: 1000, concurrency: 1, userAgent: 'test' })
afterAll(async () => {
  await http.close()
  await server.close()
})
const ask = async (request: { path?: string; headers?: Record<string, string> }): Promise<{ error: IsthmusError | null; lines: string[] }> => {
  wire = ''
  const error = await http.request({ url: new URL(request.path ?? '/', server.url), headers: request.headers ?? {} }).then(() => null, (e: unknown) => e as IsthmusError)
  return { error, lines: wire.split('\r\n') }
}
/** Header names of a request as it stands on the wire; every line ends in CR LF, one request only. */
const namesOf = (lines: string[]): string[] => {
  expect(lines.slice(-2)).toEqual(['', ''])
  expect(lines.slice(0, -2).join('')).not.toMatch(/[\r\n\0]/)
  expect(lines[0]).toMatch(/^GET \/[!-~]* HTTP\/1\.1$/)
  return lines.slice(1, -2).map((line) => line.split(':', 1)[0]!.toLowerCase())
}
const OWN = ['host', 'connection', 'user-agent', 'accept-encoding']

const control = fc.constantFrom('\r\n', '\r', '\n', '\0', '\u000b', '\u001b', '\u007f', '\u2028', '\u560a', '\u0085', '\uff0a', '%0d%0a', '\\r\\n', '\r\n\r\nGET /evil HTTP/1.1\r\nx: ', '\r\nx-evil: 1', '\r\n x-folded', 'ü', '"', ':')
const hostile = fc.array(fc.oneof(control, fc.string({ maxLength: 6 })), { maxLength: 6 }).map((parts) => parts.join(''))

describe('what a plan, a setting or a variable holds adds no line to a request', () => {
  it('in the value of a header', async () => {
    await fc.assert(fc.asyncProperty(hostile, async (value) => {
      const { error, lines } = await ask({ headers: { 'x-test': value } })
      if (error) {
        expect(error.type).toBe('InvalidInput')
        expect(error.message).toContain('x-test')
        expect(wire).toBe('')
      } else {
        expect(namesOf(lines).sort()).toEqual([...OWN, 'x-test'].sort())
        expect(lines.find((l) => l.startsWith('x-test'))).toBe(`x-test: ${value}`)
      }
      // Refused exactly where the value is no line of visible latin1 (RFC 9110 5.5).
      expect(error === null).toBe([...value].every((c) => c === '\t' || (c >= ' ' && c <= '~') || (c >= '\u0080' && c <= '\u00ff')))
    }), { numRuns: 800 })
  })
  it('in the name of a header', async () => {
    await fc.assert(fc.asyncProperty(hostile, async (name) => {
      const { error, lines } = await ask({ headers: { [`x${name}`]: 'v' } })
      expect(error === null).toBe(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]*$/.test(name))
      if (error) expect([error.type, wire]).toEqual(['InvalidInput', ''])
      else expect(namesOf(lines)).toContain(`x${name}`.toLowerCase())
    }), { numRuns: 400 })
  })
  it('in path and query', async () => {
    await fc.assert(fc.asyncProperty(hostile, hostile, async (path, query) => {
      // A first slash: what would be another host is the matter of origins.
      const { error, lines } = await ask({ path: `/p${path.replaceAll('\\', '')}?q=${query}` })
      expect(error).toBeNull()
      expect(namesOf(lines).sort()).toEqual([...OWN].sort())
    }), { numRuns: 800 })
  })
  it('names that frame the message are refused', async () => {
    for (const name of ['Content-Length', 'transfer-encoding', 'Connection', 'expect', 'Upgrade']) {
      expect((await ask({ headers: { [name]: '5' } })).error).toMatchObject({ type: 'InvalidInput' })
      expect(wire).toBe('')
    }
    expect((await ask({ headers: { 'x-long': 'a'.repeat(70_000) } })).error).toMatchObject({ type: 'InvalidInput' })
  })
})

describe('the field is named before anything is sent', () => {
  const bad = 'canary-value-1234\r\nx-evil: 1'
  const told = (run: () => unknown): unknown => {
    try {
      run()
    } catch (error) {
      expect(JSON.stringify([String(error), (error as IsthmusError).format()])).not.toContain('canary')
      return { type: (error as IsthmusError).type, field: (error as IsthmusError).field }
    }
    return null
  }
  it('headers of source and stream', () => {
    expect(told(() => reading(server.url, {}, { headers: { 'X-Env': { env: 'K' } } }, { K: bad }))).toEqual({ type: 'InvalidInput', field: 'from.headers.x-env' })
    expect(told(() => reading(server.url, { headers: { 'X-Plan': bad } }))).toEqual({ type: 'InvalidInput', field: 'from.headers.x-plan' })
    expect(told(() => checkHeaders({ 'bad name': 'v' }, 'from.x'))).toEqual({ type: 'InvalidInput', field: 'from.x' })
  })
  it.each([
    [{ kind: 'apiKey', key: { env: 'K' } }, 'from.auth.key'], [{ kind: 'bearer', token: { env: 'K' } }, 'from.auth.token'], [{ kind: 'apiKey', name: 'x y', key: { env: 'OK' } }, 'from.auth.key'],
  ] as const)('sign-in %o', async (auth, field) => {
    wire = ''
    const { stop } = await reading(server.url, {}, { auth }, { K: bad, OK: 'fine' }).read()
    expect(stop).toMatchObject({ kind: 'refused', type: 'InvalidInput', field })
    expect(JSON.stringify(stop)).not.toContain('canary')
    expect(wire).toBe('')
  })
})
