import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { rest, signedBy, webhook } from '../connectors/index.ts'
import { fields } from '../model/mapping/index.ts'
import { compileSync, defineSync, postgres, projectWebhooks, type SyncDefinition } from './index.ts'

const hook = webhook({ name: 'billing', ...signedBy.stripe({ env: 'HOOK_SECRET' }) })
const source = rest({ baseUrl: 'http://127.0.0.1:9' }).stream('invoices', { path: '/invoices', key: 'id' })
const model = z.object({ id: z.string() })
const compiled = (definition: SyncDefinition, id = 'invoices') => compileSync(definition, { id, file: `syncs/${id}.ts`, text: '' })

describe('events that make a sync run', () => {
  it('are named by it, or are what it reads', () => {
    const named = compiled(defineSync({ from: source, to: postgres.table('invoices'), model, map: fields({ id: 'id' }), on: hook.on('invoice.*') }))
    const read = compiled(defineSync({ from: hook.events('events'), to: postgres.table('events'), model, map: fields({ id: 'id' }) }), 'events')
    expect(named.on).toMatchObject([{ types: ['invoice.*'], webhook: { name: 'billing', verify: { kind: 'hmac', secret: { env: 'HOOK_SECRET' }, tolerance: '5m' } } }])
    expect(read).toMatchObject({ on: [{ types: [] }], streams: [{ key: ['id'], stream: { sql: { key: ['seq'] } } }] })
    expect(projectWebhooks([{ plan: named }, { plan: read }])).toMatchObject([{ webhook: { name: 'billing' }, syncs: [{ plan: { id: 'invoices' } }, { plan: { id: 'events' } }] }])
    const other = compiled(defineSync({ from: webhook({ name: 'billing', ...signedBy.github({ env: 'X' }) }).events('events'), to: postgres.table('events'), model, map: fields({ id: 'id' }) }), 'other')
    expect(() => projectWebhooks([{ plan: named }, { plan: other }])).toThrow(/described differently in syncs\/invoices.ts/)
  })

  it('leave the plan of a sync without them as it was', () => {
    const plan = compiled(defineSync({ from: source, to: postgres.table('invoices'), model, map: fields({ id: 'id' }) }))
    expect(plan.on).toEqual([])
    expect(JSON.stringify(plan)).not.toContain('billing')
  })

  it.each<[string, unknown, string]>([
    ['a name that is no part of an address', webhook({ name: 'No/Name', ...signedBy.stripe({ env: 'S' }) }).on(), 'on.webhook.name'],
    ['a secret in the code', webhook({ name: 'a', verify: { kind: 'token', header: 'x', secret: 'sesame' as never } }).on(), 'on.webhook.verify.secret'],
    ['a signature that leaves out the body', webhook({ name: 'a', verify: { kind: 'hmac', header: 'x', secret: { env: 'S' }, signed: '{timestamp}' } }).on(), 'on.webhook.verify.signed'],
    ['a webhook instead of its events', hook, 'on'],
  ])('with %s are refused', (_name, on, field) => {
    expect(() => compiled(defineSync({ from: source, to: postgres.table('invoices'), model, map: fields({ id: 'id' }), on: on as never }))).toThrow(expect.objectContaining({ type: 'InvalidInput', file: 'syncs/invoices.ts', field }))
  })
})
