import { expect, it } from 'vitest'
import { streamSchema } from './source.ts'

it.each([
  ['id', ['id']],
  ['meta.id', ['meta.id']],
  [['order', 'item'], ['order', 'item']],
  [[['a.b'], 'item'], [['a.b'], 'item']],
  [undefined, []],
])('a key of %j is the fields %j', (key, fields) => {
  const stream = streamSchema.parse({ name: 's', path: '/s', key })
  expect(stream.key).toEqual(fields)
  // Plans are read again from where they are stored.
  expect(streamSchema.parse(stream).key).toEqual(fields)
})
