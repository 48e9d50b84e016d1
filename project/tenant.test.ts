import { expect, it } from 'vitest'
import { z } from 'zod'
import { apiKey, credential, defineConnector, env, rest } from './authoring.ts'
import { checkTenant, splitTenant, tenantSchema, withTenant } from '../model/tenant.ts'
import { compileSync } from './compile.ts'
import { defineSync, postgres } from './define.ts'
import { fields } from '../model/mapping/index.ts'
import { compilePost, postId } from './post.ts'
import { forTenant } from './tenant.ts'

const crm = defineConnector('crm', {
  title: 'CRM', baseUrl: 'https://crm.example', auth: { key: { credentials: z.object({ apiKey: z.string() }), auth: apiKey({ key: credential('apiKey') }) } },
  actions: { 'contact.upsert': { path: '/contacts', key: 'id', model: z.object({ id: z.string() }) } },
})
const shared = rest({ baseUrl: 'https://own.example', auth: apiKey({ key: env('OWN') }), connection: 'own' })
const contacts = crm.stream('contacts', { path: '/contacts', key: 'id' })
const compiled = (flow: object) => {
  const definition = defineSync({ model: z.object({ id: z.string() }), map: fields({ id: 'id' }), ...flow } as never)
  return { definition, plan: compileSync(definition, { id: 'a/contacts', file: 'syncs/a/contacts.ts', text: '' }) }
}

it('a plan of a tenant differs in all that must be its own, and in nothing else', () => {
  const plain = compiled({ from: contacts, to: postgres.table('contacts') })
  const { plan } = forTenant(plain, 'north')
  const [was, is] = [plain.plan.streams[0]!, plan.streams[0]!]
  expect(plan.id).toBe('a/contacts@north')
  expect(plan.hash).not.toBe(plain.plan.hash)
  expect(plan.hash).not.toBe(forTenant(plain, 'south').plan.hash)
  expect(is).toEqual({ ...was, connection: 'crm@north', destination: { ...was.destination, schema: 'public__north' } })
})

it('an action is the tenant\'s by its connection, and shared by the environment; a source never is', () => {
  const own = forTenant(compiled({ from: contacts, to: crm.action('contact.upsert') }), 'north').plan.streams[0]!
  expect(own.destination).toMatchObject({ connection: 'crm@north' })
  const everybody = forTenant(compiled({ from: contacts, to: shared.action('contact', { path: '/c', key: 'id' }) }), 'north').plan.streams[0]!
  expect([everybody.connection, everybody.destination]).toMatchObject(['crm@north', { connection: 'own' }])
  expect(() => forTenant(compiled({ from: shared.stream('contacts', { path: '/c', key: 'id' }), to: crm.action('contact.upsert') }), 'north')).toThrow(/every tenant would read the same account/)
  const posted = compilePost({ connection: 'crm@north', connector: crm, file: '', action: 'contact.upsert', staged: `.isthmus/posts/${'0'.repeat(32)}.jsonl`, key: null }).plan
  expect([posted.id, postId('crm@north', 'contact.upsert')]).toEqual(['post/crm/contact.upsert@north', 'post/crm/contact.upsert@north'])
  expect(posted.streams[0]!.destination).toMatchObject({ connection: 'crm@north' })
})

it('no two pairs of schema and tenant share a schema', () => {
  const schemas = ['a', 'a_', 'a__b', 'a__b__c', 'b', '_a', 'public']
  const tenants = ['b', 'c', 'b_', 'b-c', '0', 'b_c'].filter((t) => (checkTenant(t), true))
  const all = schemas.flatMap((s) => tenants.map((t) => tenantSchema(s, t)))
  expect(new Set(all).size).toBe(all.length)
  expect([withTenant('x', undefined), withTenant('x', 'b'), withTenant('x@b', 'b'), splitTenant('x@b').tenant]).toEqual(['x', 'x@b', 'x@b', 'b'])
  expect(() => withTenant('x@b', 'c')).toThrow(/of another tenant/)
})
