import { describe, expect, it } from 'vitest'
import { defineConnector, fields, postgres, rest, z, defineSync } from '../project/authoring.ts'
import { compileSync } from '../project/compile.ts'

const acme = defineConnector('acme', {
  baseUrl: 'https://api.acme.test', auth: { kind: 'none' }, limits: [{ requests: 5, per: '1s' }],
  streams: { orders: { path: '/orders', key: 'id' }, built: rest({ baseUrl: 'https://other.test' }).stream('x', { path: '/built', key: 'id' }) },
  actions: { 'contact.upsert': { path: '/contacts', key: 'id', model: z.object({ id: z.string() }) } },
})

describe('what a connector declares', () => {
  it('is given by its name, for each connection, and names stay free', () => {
    expect(acme.streams).toEqual(['orders', 'built'])
    expect(acme.actions.map((a) => a.name)).toEqual(['contact.upsert'])
    const eu = acme.connection('acme-eu')
    const plan = compileSync(defineSync({ from: eu.stream('orders'), to: acme.action('contact.upsert'), model: z.object({ id: z.string() }), map: fields({ id: 'id' }) }), { id: 'a', file: 'a.ts', text: '' })
    expect(plan.streams[0]).toMatchObject({ connection: 'acme-eu', stream: { path: '/orders' }, key: ['id'], destination: { connection: 'acme', action: { name: 'contact.upsert', path: '/contacts' }, source: { limits: [{ requests: 5, per: '1s' }] } } })
    expect(acme.stream('built').source).toMatchObject({ baseUrl: 'https://api.acme.test', connection: 'acme' })
    expect(acme.stream('lines', { path: '/lines' }).stream).toMatchObject({ name: 'lines', path: '/lines' })
    // @ts-expect-error a name that is not declared
    expect(() => acme.stream('nope')).toThrow(/declares no stream "nope"/)
    // @ts-expect-error a name that is not declared
    expect(() => acme.connection('x').action('nope')).toThrow(expect.objectContaining({ cure: expect.stringContaining('contact.upsert') }))
    const query = defineSync({ from: postgres.query('select 1 as id', { key: 'id' }), to: acme.action('contact.upsert'), model: z.object({ id: z.string() }), map: fields({ id: 'id' }) })
    expect(compileSync(query, { id: 'b', file: 'b.ts', text: '' }).streams[0]).toMatchObject({ name: 'rows', connection: 'postgres', key: ['id'], mode: 'upsert', stream: { sql: { key: ['id'] } } })
  })
})
