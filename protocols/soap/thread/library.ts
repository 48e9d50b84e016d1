import { open_wsdl } from 'soap/lib/wsdl/index.js'
import type { WSDL } from 'soap/lib/wsdl/index.js'
import * as elements from 'soap/lib/wsdl/elements.js'
import { IsthmusError } from '../../../model/errors.ts'
import type { ThreadData } from '../types.ts'
import { WSDL_SOAP12 } from './names.ts'

/** A part of a WSDL or schema as the `soap` library holds it: attributes with `$` in front, children in order. */
export interface Node {
  name?: string
  children?: Node[]
  /** Prefixes declared here, and those of the schema around it (without its default namespace). */
  xmlns?: Record<string, string>
  schemaXmlns?: Record<string, string>
  definitionsXmlns?: Record<string, string>
  $name?: string
  $type?: string
  $ref?: string
  $base?: string
  $form?: string
  $minOccurs?: string
  $maxOccurs?: string
  $nillable?: string
  $namespace?: string
  $substitutionGroup?: string
  $element?: string
  $message?: string
  $part?: string
  [attribute: `$${string}`]: string | undefined
}

export interface SchemaNode extends Node {
  $targetNamespace?: string
  $elementFormDefault?: string
  elements: Record<string, Node>
  complexTypes: Record<string, Node>
  types: Record<string, Node>
  groups: Record<string, Node>
}

/** A message: its parts by order. */
export interface Message extends Node {
  parts?: unknown
}

export interface Io extends Node {
  use?: string
  bodyNamespace?: string
}

export interface Method {
  $name: string
  style: string
  soapAction: string
  input: Message | null
  output: Message | null
  inputSoap: Io | null
}

export interface Binding {
  style?: string
  methods: Record<string, Method>
  soapVersion?: '1.1' | '1.2'
}

export interface Definitions {
  $targetNamespace?: string
  xmlns: Record<string, string>
  schemas: Record<string, SchemaNode>
  messages: Record<string, Message>
  services: Record<string, { ports: Record<string, { binding: Binding; location: string | null }> }>
}

/**
 * Parses the documents of a WSDL with the `soap` library; nothing else is read. What the library leaves out is kept by hooks: which version of
 * SOAP a binding is for, the namespace of RPC calls, all parts of messages, and several schemas of one namespace.
 */
export async function parseWsdl({ root, documents }: ThreadData): Promise<Definitions> {
  keepWhatIsLost()
  const texts = new Map(documents)
  const httpClient = {
    request(uri: string, _data: unknown, done: (error: Error | null, response: { status: number }, body: string) => void) {
      done(null, { status: 200 }, texts.get(uri) ?? EMPTY)
    },
  }
  return new Promise((resolve, reject) => {
    open_wsdl(root, { httpClient: httpClient as never }, (error: unknown, wsdl?: WSDL) => {
      if (error || !wsdl) reject(new IsthmusError('Contract', `the WSDL cannot be read: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`, { field: 'from.soap.wsdl', cure: 'get the WSDL from the system again' }))
      else resolve(wsdl.definitions as unknown as Definitions)
    })
  })
}

/** Stands for documents of standards that are not fetched. */
const EMPTY = '<schema xmlns="http://www.w3.org/2001/XMLSchema"/>'

function keepWhatIsLost(): void {
  for (const Class of [elements.InputElement, elements.OutputElement]) {
    const add = Class.prototype.addChild
    Class.prototype.addChild = function (this: Io, child: Node) {
      if (child.name === 'body') this.bodyNamespace = child.$namespace
      add.call(this as never, child as never)
    } as never
  }
  const addToBinding = elements.BindingElement.prototype.addChild
  elements.BindingElement.prototype.addChild = function (this: Binding, child: Node & { prefix?: string }) {
    const prefix = child.prefix ?? ''
    if (child.name === 'binding') this.soapVersion = (child.xmlns?.[prefix] ?? child.definitionsXmlns?.[prefix]) === WSDL_SOAP12 ? '1.2' : '1.1'
    addToBinding.call(this as never, child as never)
  } as never
  // Descriptions of whole types, which the library makes here, are not used.
  elements.MessageElement.prototype.postProcess = function () {}
  const addToTypes = elements.TypesElement.prototype.addChild
  elements.TypesElement.prototype.addChild = function (this: { schemas: Record<string, SchemaNode & { merge(s: unknown): unknown }> }, child: SchemaNode) {
    const same = child.$targetNamespace === undefined ? undefined : this.schemas[child.$targetNamespace]
    if (same) {
      same.merge(child)
      ;(same as unknown as { includes: unknown[] }).includes.push(...(child as unknown as { includes: unknown[] }).includes)
    } else addToTypes.call(this as never, child as never)
  } as never
}
