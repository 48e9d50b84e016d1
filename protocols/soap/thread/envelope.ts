import { IsthmusError } from '../../../model/errors.ts'
import type { Envelope } from '../types.ts'
import { Encoder } from './encode.ts'
import { ENCODING, ENVELOPE } from './names.ts'
import { listed, type Operation } from './operation.ts'
import type { Particle, Schemas } from './schemas.ts'

/** The envelope of a call. Throws InvalidInput naming the argument that does not fit the WSDL. */
export function buildEnvelope(schemas: Schemas, operation: Operation, args: unknown, headers: unknown, security: string): Envelope {
  const encoder = new Encoder(schemas, operation.encoded)
  const content = operation.rpc ? rpcBody(encoder, operation, args) : documentBody(encoder, operation, args)
  const head = isObject(headers) ? Object.entries(headers).map(([name, value]) => encoder.element(headerOf(schemas, operation, name), value, `headers.${name}`)).join('') : ''
  const header = head === '' && security === '' ? '' : `<soap:Header>${security}${head}</soap:Header>`
  const body = `<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="${ENVELOPE[operation.version]}"${encoder.namespaces()}>${header}<soap:Body>${content}</soap:Body></soap:Envelope>`
  return { body, action: operation.action, version: operation.version }
}

function documentBody(encoder: Encoder, { input, name }: Operation, args: unknown): string {
  const [first, ...more] = input
  if (!first) return ''
  if (more.length === 0) return encoder.element({ ...first, optional: false }, args ?? {}, '')
  if (!isObject(args)) throw new IsthmusError('InvalidInput', `the operation ${name} wants several elements`, { field: 'args', cure: `give an object with ${input.map((p) => p.name).join(', ')}` })
  return input.map((part) => encoder.element(part, args[part.name], part.name)).join('')
}

/** RPC: an element named after the operation, in it the parameters in the order of the WSDL (WSDL 1.1, 3.5). */
function rpcBody(encoder: Encoder, { input, name, namespace, encoded }: Operation, args: unknown): string {
  const given = isObject(args) ? args : {}
  for (const key of Object.keys(given)) {
    if (!input.some((p) => p.name === key)) throw new IsthmusError('InvalidInput', `the operation ${name} has no argument \`${key.slice(0, 80)}\``, { field: `args.${key.slice(0, 80)}`, cure: `use one of: ${listed(input.map((p) => p.name), key)}` })
  }
  const wrapper = encoder.name(namespace, name)
  const style = encoded ? ` soap:encodingStyle="${ENCODING}"` : ''
  return `<${wrapper}${style}>${input.map((part) => encoder.element(part, given[part.name], part.name)).join('')}</${wrapper}>`
}

function headerOf(schemas: Schemas, { headers }: Operation, name: string): Particle {
  const known = headers.find((h) => h.name === name)
  if (known) return known
  const spaces = schemas.having('element', name)
  const root = spaces.length === 1 ? schemas.root(spaces[0]!, name) : null
  if (root) return root
  throw new IsthmusError('InvalidInput', spaces.length > 1 ? `several header elements are named ${name.slice(0, 80)}` : `the WSDL has no header element \`${name.slice(0, 80)}\``, {
    field: `headers.${name.slice(0, 80)}`, cure: headers.length > 0 ? `use one of: ${listed(headers.map((h) => h.name), name)}` : 'name a header as the WSDL does',
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
