import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IsthmusError } from '../errors.ts'
import { ExactNumber, parseExact, revive, stringifyExact } from './index.ts'

const parse = (text: string, options?: Parameters<typeof parseExact>[1]): unknown => parseExact(Buffer.from(text), options)
const fault = (body: Uint8Array, options?: Parameters<typeof parseExact>[1]): IsthmusError => {
  try {
    parseExact(body, options)
  } catch (error) {
    expect(error).toBeInstanceOf(IsthmusError)
    return error as IsthmusError
  }
  throw new Error('was accepted')
}
/** The value as JSON.parse would give it. */
const native = (v: unknown): unknown =>
  v instanceof ExactNumber || typeof v === 'bigint' ? Number(v)
  : Array.isArray(v) ? v.map(native)
  : typeof v === 'object' && v !== null ? Object.fromEntries(Object.entries(v).map(([k, w]) => [k, native(w)]))
  : v

describe('numbers', () => {
  it.each([
    ['12.50', '12.50'], ['0.1000000000000000055', '0.1000000000000000055'], ['1e400', '1e400'], ['1E5', '1E5'], ['-1.0', '-1.0'], ['1e-400', '1e-400'],
    ['123456789012345678901234567890.5', '123456789012345678901234567890.5'],
  ])('%s keeps its digits', (text, digits) => {
    for (const v of [parse(text), (parse(`[${text}]`) as unknown[])[0], (parse(`{"a": ${text} }`) as { a: unknown }).a]) {
      expect(v).toBeInstanceOf(ExactNumber)
      expect(`${v as number}`).toBe(digits)
      expect(stringifyExact(v)).toBe(digits)
    }
  })
  it('calculates like a number', () => {
    const v = parse('12.50') as number
    expect(v * 2).toBe(25)
    expect(v > 12).toBe(true)
    expect(v.toFixed(1)).toBe('12.5')
    expect(JSON.stringify({ v })).toBe('{"v":12.5}')
  })
  it.each([['9007199254740991', 9007199254740991], ['-9007199254740991', -9007199254740991], ['0', 0], ['1000000000000000', 1e15], ['0.00', 0], ['0e5', 0]])(
    '%s is a number', (text, value) => expect(parse(text)).toBe(value))
  it.each(['9007199254740992', '9007199254740993', '-9007199254740993', '123456789012345678901234567890'])('%s is a bigint', (text) =>
    expect(parse(text)).toBe(BigInt(text)))
  it('-0 is what JSON.parse gives', () => expect(parse('-0')).toBe(-0))
})

describe('the mark', () => {
  it.each(['"\u007f12.5"', '"\\u007f12.5"', '"\\u007F"', '"\u007f\u007f1"', '["\u007f", 1.5]', '{"\u007f1":"\u007f1","b":1.5}', '{"\\u007f":2.5}', '{"a\\"":"\u007f"}'])(
    'in the source is no number: %j', (text) => {
      expect(native(parse(text))).toEqual(JSON.parse(text))
      expect(native(revive(parse(text, { revive: false })))).toEqual(JSON.parse(text))
      expect(JSON.parse(stringifyExact(parse(text, { revive: false }), { marked: true }))).toEqual(JSON.parse(text))
    })
})

describe('refusals', () => {
  it.each(['', ' ', '{', '[1,]', '{"a":1,}', '{1.5:2}', '{"a" 1.5}', '1.5.2', '01.5', '1.5e', '.5', '+1.5', '1.', '[1.5 2.5]', '"a"1.5', '1.5"a"', '--1.5', 'NaN', '-Infinity',
    '[Infinity]', '"a\nb"', '"\\x"', 'nul', '[1}', '{"a":1]', '1.5 x', '"abc', '"\\', "{'a':1}", '{"a":1}}', '[-]', '[1e5x]', '[0x10]', '{1e5:1}', '[\u00a01]'])('%j', (text) => {
    expect(() => JSON.parse(text)).toThrow()
    const error = fault(Buffer.from(text))
    expect(error.type).toBe('Contract')
    expect(error.message.length).toBeLessThan(160)
  })
  it('name the byte and a short excerpt', () => {
    expect(fault(Buffer.from('{"ä": 1, "b": oops}')).message).toContain('at byte 15')
    expect(fault(Buffer.from(`[${'"x",'.repeat(500)} oops ${'"x",'.repeat(500)}]`)).message).toMatch(/at byte 2002 found '.{1,40}', expected a value/)
    expect(fault(Buffer.from('{"a": [1, 2')).message).toContain('the body ends')
  })
  it('UTF-8 only', () => {
    const error = fault(Buffer.from([0x22, 0x61, 0xe4, 0x62, 0x22]))
    expect(error.type).toBe('Contract')
    expect(error.message).toMatch(/UTF-8 \(byte 2\)/)
  })
  it('depth', () => {
    expect(parse(`${'['.repeat(256)}${']'.repeat(256)}`)).toBeTruthy()
    expect(fault(Buffer.from('['.repeat(257))).type).toBe('PageTooLarge')
    expect(fault(Buffer.from('[{"a":[1]}]'), { maxDepth: 2 }).type).toBe('PageTooLarge')
    expect(parse(`"${'['.repeat(1000)}"`)).toHaveLength(1000)
  })
})

it('skips byte order marks', () => {
  expect(parse('\ufeff{"a":1.5}')).toMatchObject({ a: { text: '1.5' } })
  expect(parse('\ufeff\ufeff[1]')).toEqual([1])
  expect(fault(Buffer.from('\ufeff\ufeff\ufeff[1]')).type).toBe('Contract')
})

it('__proto__ is a key like any other; of equal keys the last wins', () => {
  const v = parse('{"__proto__": 1.5, "constructor": {"prototype": 2.5}, "a": 1, "a": 2.5}') as Record<string, unknown>
  expect(Object.getPrototypeOf(v)).toBe(Object.prototype)
  expect(Object.keys(v)).toEqual(['__proto__', 'constructor', 'a'])
  expect(String(Object.getOwnPropertyDescriptor(v, '__proto__')?.value)).toBe('1.5')
  expect(String(v['a'])).toBe('2.5')
  expect(({} as Record<string, unknown>)['prototype']).toBeUndefined()
  expect(stringifyExact(v)).toBe('{"__proto__":1.5,"constructor":{"prototype":2.5},"a":2.5}')
})

it('reads a view into a larger buffer, and long bodies', () => {
  const bytes = new Uint8Array(Buffer.from('xx[1.50]yy')).subarray(2, 8)
  expect(stringifyExact(parseExact(bytes))).toBe('[1.50]')
  const text = `[${Array.from({ length: 20_000 }, (_, i) => `{"i":${i}.10,"t":"${'a'.repeat(i % 600)}\\"${'b'.repeat(i % 9)}"}`).join(',')}]`
  expect(stringifyExact(parse(text))).toBe(text)
}, 20_000)

it('gives the value of JSON.parse for every JSON text, and the same digits back', () => {
  const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.maxSafeInteger())
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('\u007f', '\u007f1.5', '\u007f\u007f', '"', '\\', ':1.5,', '","a":1.5'))
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, text, number, fc.boolean(), fc.constant(null), fc.array(tie('tree'), { maxLength: 4 }), fc.dictionary(text, tie('tree'), { maxKeys: 4 })),
  }))
  fc.assert(
    fc.property(tree, fc.integer({ min: 0, max: 2 }), (value, indent) => {
      const json = JSON.stringify(value, null, indent)
      const exact = parse(json)
      expect(native(exact)).toEqual(JSON.parse(json))
      if (indent === 0) {
        expect(stringifyExact(exact)).toBe(JSON.stringify(JSON.parse(json)).replace(/^-0$/, '0'))
        expect(stringifyExact(parse(json, { revive: false }), { marked: true })).toBe(stringifyExact(exact))
      }
    }),
    { numRuns: 1500 },
  )
})

it('accepts exactly what JSON.parse accepts', () => {
  const piece = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '"a"', '"\u007f"', '1', '1.5', '0.0', '-', '1e5', '.', 'e', '12345678901234567890', ' ', '\n', 'true', 'null', '\\', '\\u007f', '{"a":', '[1.5')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
      const text = pieces.join('')
      let expected: { value: unknown } | null
      try {
        expected = { value: JSON.parse(text) as unknown }
      } catch {
        expected = null
      }
      if (expected) expect(native(parse(text))).toEqual(native(expected.value) === 0 ? 0 : expected.value)
      else expect(fault(Buffer.from(text)).type).toBe('Contract')
    }),
    { numRuns: 5000 },
  )
})

describe('stringifyExact', () => {
  it('is JSON.stringify for everything else', () => {
    const value = { a: undefined, b: [undefined, () => 1, new Date(0)], c: new Date(0), d: 'ä\n\u0001', e: { toJSON: () => [1] }, f: Number.NaN }
    expect(stringifyExact(value)).toBe(JSON.stringify(value))
    expect(stringifyExact({ ...value, x: 5n })).toBe(JSON.stringify({ ...value, x: 5 }))
    expect(stringifyExact(undefined)).toBe('null')
  })
  it('refuses circular values', () => {
    const a: Record<string, unknown> = { n: 1n }
    a['a'] = a
    expect(() => stringifyExact(a)).toThrow(TypeError)
  })
})

const SUITE = '../shared/vectors/json-test-suite/test_parsing'
describe.skipIf(!existsSync(SUITE))('JSONTestSuite', () => {
  const files = existsSync(SUITE) ? readdirSync(SUITE) : []
  it.each(files.filter((f) => f.startsWith('y_')))('accepts %s', (file) => {
    const body = readFileSync(`${SUITE}/${file}`)
    const expected: unknown = JSON.parse(body.toString())
    const got = native(parseExact(body))
    expect(got).toEqual(expected === 0 && !Object.is(got, expected) ? 0 : expected)
  })
  it.each(files.filter((f) => f.startsWith('n_')))('refuses %s', (file) => {
    expect(['Contract', 'PageTooLarge']).toContain(fault(readFileSync(`${SUITE}/${file}`)).type)
  })
  it.each(files.filter((f) => f.startsWith('i_')))('survives %s', (file) => {
    try {
      parseExact(readFileSync(`${SUITE}/${file}`))
    } catch (error) {
      expect(error).toBeInstanceOf(IsthmusError)
    }
  })
})
