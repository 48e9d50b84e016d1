import { expect, it } from 'vitest'
import { parseExact } from '../json/index.ts'
import { compilePath, selectRecords } from './index.ts'

const body = { a: { b: [{ c: 1, t: ['x', 'y'] }, { c: null, t: ['z'] }, {}] }, 'x.y': 5, list: [1, 2], none: null, text: 'abc', m: { p: { v: 1 }, q: { v: 2 } } }

it.each([
  ['a.b.0.c', 1], ['a.b.-1', {}], ['a.b.*.c', [1, null]], ['a.b.*.t.*', ['x', 'y', 'z']], ['a.b.*.t', ['x', 'y', 'z']], ['$.a.b[0].c', 1], ['a.b[*].c', [1, null]],
  [['x.y'], 5], ['a.q.r', undefined], ['none', null], ['none.x', undefined], ['text.length', undefined], ['list.length', undefined], ['list.1', 2], ['m.*.v', [1, 2]],
  ['constructor', undefined], ['__proto__', undefined], ['a.toString', undefined], ['list.map', undefined], ['list.*.x', []],
])('%j', (path, expected) => expect(compilePath(path)(body)).toEqual(expected))

it('the empty path is the value', () => expect(compilePath('')(body)).toBe(body))
it('own properties named like inherited ones count', () => expect(compilePath('constructor')({ constructor: 1 })).toBe(1))
it('numbers have no inside', () => expect(compilePath('a.text')(parseExact(Buffer.from('{"a":1.5}')))).toBeUndefined())

it('selects records', () => {
  expect(selectRecords([1, 2], '')).toEqual([1, 2])
  expect(selectRecords(body, 'm.p')).toEqual([{ v: 1 }])
  expect(selectRecords(body, 'none')).toEqual([])
  expect(selectRecords(body, 'missing')).toBeUndefined()
  expect(selectRecords(body, 'text')).toBeUndefined()
  expect(selectRecords(null, '')).toEqual([])
  expect(selectRecords(parseExact(Buffer.from('1.5')), '')).toBeUndefined()
})
