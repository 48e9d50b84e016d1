import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseExact } from '../json/index.ts'
import type { MapFunction } from '../ports.ts'
import { columnsOf } from './columns.ts'
import { compileMapper } from './mapper.ts'
import { t } from './types.ts'

const model = z.object({ id: t.int64(), code: z.string(), name: z.string() })
const columns = columnsOf(model)
const key = { columns: ['code', 'id'], paths: ['meta.CODE', 'id'] }
const keyOf = (mapper: ReturnType<typeof compileMapper>, record: string) => mapper.keyOf(parseExact(Buffer.from(record), mapper.parse))
const record = (id: string, code: string, name = 'null') => `{"id":${id},"meta":{"CODE":${code}},"name":${name}}`

describe('the key of a rejected record', () => {
  it('is cast like that of a row, every digit kept', () => {
    const mapper = compileMapper({ columns, model, key, mapping: { kind: 'fields', fields: { id: { path: 'id' }, code: { path: 'meta.CODE', trim: true }, name: { path: 'name' } } } })
    expect(keyOf(mapper, record('9007199254740993', '" a\\tb "'))).toEqual({ cells: 'a\\tb\t9007199254740993', guessed: false })
    for (const bad of [record('"x"', '"a"'), record('null', '"a"'), record('1', '"\\u0000"'), 'null', '7', '[]']) expect(keyOf(mapper, bad)).toBeNull()
    expect(keyOf(compileMapper({ columns, model, mapping: { kind: 'fields', fields: { id: { path: 'id' }, code: { path: 'name' }, name: { path: 'name' } } } }), record('1', '"a"'))).toBeNull()
  })

  it('is only a guess where conditions on the whole model may change it', () => {
    const whole = model.refine(() => false)
    const mapper = compileMapper({ columns: columnsOf(whole), model: whole, key, mapping: { kind: 'fields', fields: { id: { path: 'id' }, code: { path: 'meta.CODE' }, name: { path: 'name' } } } })
    expect(keyOf(mapper, record('1', '"a"', '"n"'))).toEqual({ cells: 'a\t1', guessed: true })
  })

  it('comes from what the map function returns, else it is guessed by name, else unknown', () => {
    const code = (fn: MapFunction, paths = key.paths) => compileMapper({ columns, model, key: { ...key, paths }, mapping: { kind: 'code', hash: '' }, fn })
    const returns = code((r) => ({ id: r.id, code: `x-${r.meta.CODE}`, name: 5 }))
    expect(keyOf(returns, record('1', '"a"'))).toEqual({ cells: 'x-a\t1', guessed: false })
    const throws: MapFunction = () => {
      throw new Error('no')
    }
    expect(keyOf(code(throws), record('9007199254740993', '"a"'))).toEqual({ cells: 'a\t9007199254740993', guessed: true })
    expect(keyOf(code(throws), record('"x"', '"a"'))).toBeNull()
    expect(keyOf(code(throws, ['meta.CODE', 'number']), record('1', '"a"'))).toBeNull()
    expect(keyOf(code(throws, ['id']), record('1', '"a"'))).toBeNull()
  })
})
