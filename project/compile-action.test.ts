import { describe, expect, it } from 'vitest'
import { guarantee } from '../model/action.ts'
import { compileSync } from './compile.ts'
import { cursor, defineSync, env, fields, postgres, rest, z, type ActionOptions } from './authoring.ts'

const from = rest({ baseUrl: 'https://api.example.com' }).stream('contacts', { path: '/contacts', key: 'id', page: cursor({ send: 'after', next: 'next' }) })
const model = z.object({ id: z.string(), name: z.string().nullable() })
const map = fields({ id: 'id', name: 'name' })
const compile = (action: ActionOptions, more: object = {}) =>
  compileSync(defineSync({ from, model, map, to: rest({ baseUrl: env('CRM_URL') }).action('contact.upsert', action), ...more } as never), { id: 'a', file: 'syncs/a.ts', text: '' })

describe('a sync to an action', () => {
  it('compiles to plain data with every option defaulted', () => {
    const stream = compile({ path: '/c/{id}', idempotency: { header: 'Idempotency-Key' }, lookup: { path: '/c/{id}' } }).streams[0]!
    expect(stream).toMatchObject({
      mode: 'upsert', key: ['id'],
      destination: { kind: 'action', connection: expect.stringMatching(/^crm-/), action: { name: 'contact.upsert', method: 'POST', body: null, changes: 'send', lookup: { settle: '10s', records: '' } } },
    })
    expect(JSON.parse(JSON.stringify(stream))).toEqual(stream)
  })

  it.each<[ActionOptions, RegExp]>([
    [{ path: '/c', idempotency: { field: 'ref' }, lookup: { path: '/c/{id}' } }, /^exactly once by idempotency key \(field ref\)/],
    [{ path: '/c', lookup: { path: '/c/{id}' } }, /^exactly once by look-up/],
    [{ path: '/c/{id}', method: 'PUT' }, /^takes effect once: PUT/],
    [{ path: '/c/{id}', method: 'PATCH' }, /^at least once/],
    [{ path: '/c', method: 'PUT' }, /^at least once/],
  ])('%j', (action, words) => {
    const { destination, key } = compile(action).streams[0]!
    expect(destination.kind === 'action' && guarantee(destination.action, key)).toMatch(words)
  })

  it.each<[string, ActionOptions, object, string]>([
    ['an unknown column', { path: '/c/{nope}' }, {}, 'path'],
    ['an unknown column in the body', { path: '/c', body: { a: [{ b: '{nope}' }] } }, {}, 'body'],
    ['two places for the key', { path: '/c', idempotency: { header: 'A', field: 'b' } }, {}, 'idempotency'],
    ['a look-up about nothing', { path: '/c', lookup: { path: '/c' } }, {}, 'lookup'],
    ['a batch with a column in its path', { path: '/c/{id}', batch: { size: 5 } }, {}, 'batch'],
    ['results by key that are nowhere', { path: '/c', batch: { size: 5, key: { result: 'id', column: 'id' } } }, {}, 'batch.key'],
    ['mode append', { path: '/c' }, { mode: 'append' }, 'mode'],
    ['deletes', { path: '/c' }, { deletes: 'soft' }, 'deletes'],
    ['an unknown key column', { path: '/c', key: 'nope' }, {}, 'to.key'],
  ])('refuses %s, naming the field', (_name, action, more, field) => {
    try {
      compile(action, more)
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ type: 'InvalidInput', file: 'syncs/a.ts', field: expect.stringContaining(field) })
    }
  })

  it('has another scan than the same stream to a table or another action', () => {
    const scan = (to: unknown): string => compileSync(defineSync({ from, model, map, to } as never), { id: 'a', file: 'f', text: '' }).streams[0]!.scan
    const crm = rest({ baseUrl: 'https://crm.example.com' })
    expect(new Set([scan(postgres.table('c')), scan(crm.action('a', { path: '/c' })), scan(crm.action('b', { path: '/c' }))]).size).toBe(3)
  })
})
