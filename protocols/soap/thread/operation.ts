import { IsthmusError } from '../../../model/errors.ts'
import type { Binding, Definitions, Message, Method } from './library.ts'
import { split } from './names.ts'
import type { Particle, Schemas } from './schemas.ts'

/** An operation of a port, ready to be called. */
export interface Operation {
  name: string
  version: '1.1' | '1.2'
  action: string
  rpc: boolean
  encoded: boolean
  /** Namespace of the element that wraps the parameters of an RPC call. */
  namespace: string
  input: Particle[]
  output: Particle[]
  /** Header elements that the binding names. */
  headers: Particle[]
}

/** The operations of a port. `service` and `port` are names in the WSDL; '' takes the first port of SOAP 1.1, else the first. Throws InvalidInput. */
export function createOperations(definitions: Definitions, schemas: Schemas, service: string, port: string): (name: string) => Operation {
  const binding = bindingOf(definitions, service, port)
  const made = new Map<string, Operation>()
  return (name) => {
    const known = made.get(name)
    if (known) return known
    const method = Object.hasOwn(binding.methods, name) ? binding.methods[name]! : null
    if (!method) {
      throw new IsthmusError('InvalidInput', `the WSDL has no operation "${name.slice(0, 80)}"`, { field: 'from.soap.operation', cure: `use one of: ${listed(Object.keys(binding.methods), name)}` })
    }
    const rpc = (method.style || binding.style) === 'rpc'
    const encoded = method.inputSoap?.use === 'encoded'
    const operation: Operation = {
      name, rpc, encoded,
      version: binding.soapVersion ?? '1.1',
      action: method.soapAction ?? '',
      namespace: method.inputSoap?.bodyNamespace ?? definitions.$targetNamespace ?? '',
      input: partsOf(method.input, definitions, schemas),
      output: partsOf(method.output, definitions, schemas),
      headers: headersOf(method, definitions, schemas),
    }
    made.set(name, operation)
    return operation
  }
}

function bindingOf(definitions: Definitions, service: string, port: string): Binding {
  const services = Object.entries(definitions.services).filter(([name]) => service === '' || name === service)
  if (services.length === 0) {
    throw new IsthmusError('InvalidInput', service === '' ? 'the WSDL has no service' : `the WSDL has no service "${service}"`, { field: 'from.soap.service', cure: `use one of: ${Object.keys(definitions.services).join(', ')}` })
  }
  const ports = services.flatMap(([, s]) => Object.entries(s.ports)).filter(([name]) => port === '' || name === port)
  const found = ports.find(([, p]) => p.binding.soapVersion !== '1.2') ?? ports[0]
  if (!found) {
    throw new IsthmusError('InvalidInput', port === '' ? 'the WSDL has no port for SOAP over HTTP' : `the WSDL has no port "${port}" for SOAP over HTTP`, {
      field: 'from.soap.port', cure: `use one of: ${services.flatMap(([, s]) => Object.keys(s.ports)).join(', ')}`,
    })
  }
  return found[1].binding
}

/** The parts of a message: of document style one element, of RPC style parameters. */
function partsOf(message: Message | null, definitions: Definitions, schemas: Schemas): Particle[] {
  return (message?.children ?? []).flatMap((part, order) => {
    if (part.name !== 'part') return []
    if (part.$element !== undefined) {
      const found = schemas.resolve(part.$element, part, definitions.$targetNamespace ?? '')
      const root = schemas.root(found.ns, found.name)
      if (!root) throw new IsthmusError('Contract', `the WSDL names the element ${part.$element}, which its schemas do not have`, { field: 'from.soap.wsdl', cure: 'get the WSDL with all its schemas' })
      return [root]
    }
    return [{ name: part.$name ?? '', ns: '', type: () => schemas.typeOf(part, definitions.$targetNamespace ?? ''), list: false, optional: true, nillable: true, order }]
  })
}

function headersOf(method: Method, definitions: Definitions, schemas: Schemas): Particle[] {
  return (method.inputSoap?.children ?? []).flatMap((header) => {
    const message = header.name === 'header' && header.$message !== undefined ? definitions.messages[split(header.$message).local] : undefined
    const part = message?.children?.find((p) => p.name === 'part' && p.$name === header.$part)
    if (!part?.$element) return []
    const found = schemas.resolve(part.$element, part, definitions.$targetNamespace ?? '')
    const root = schemas.root(found.ns, found.name)
    return root ? [root] : []
  })
}

/** At most 20 of the names that are there, those that resemble what was written first. */
export function listed(names: string[], wanted: string): string {
  const like = (n: string) => (n.toLowerCase() === wanted.toLowerCase() ? 0 : n.toLowerCase().includes(wanted.toLowerCase()) || wanted.toLowerCase().includes(n.toLowerCase()) ? 1 : 2)
  const sorted = [...names].sort((a, b) => like(a) - like(b))
  return `${sorted.slice(0, 20).join(', ')}${names.length > 20 ? ', ...' : ''}`
}
