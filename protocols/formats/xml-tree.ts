import { IsthmusError } from '../../model/index.ts'
import type { XmlFormat } from '../../model/index.ts'
import type { ListNode, Lists } from './xml-lists.ts'
import { markedText } from './marked.ts'

/** Deepest nesting of elements, as that of JSON. */
const MAX_DEPTH = 256
/** Elements and attributes of one body; each takes memory many times its own size. */
const MAX_PARTS = 5_000_000
/** Attributes of one element: all of them are read before any is looked at. */
const MAX_ATTRIBUTES = 10_000

type Tree = Record<string, unknown>

/** What is known of a name, so that it is looked at once. */
interface Name {
  local: string
  /** An element of that name is a list wherever it stands. */
  list: boolean
  /** Every object has something of that name. */
  inherited: boolean
}

interface Open {
  name: Name
  /** Attributes and child elements; null as long as there is nothing but text. */
  node: Tree | null
  text: string
  /** Some of the text is data as it stands: it came from CDATA, or its white space counts. */
  exact: boolean
  nil: boolean
  at: ListNode | null
}

/**
 * Builds the value of an XML body from what a parser tells. An element with nothing but text is that text, with attributes or children an
 * object; one that repeats is a list. White space between elements, and at the ends of a text where it has a line break, is layout.
 */
export class XmlTree {
  readonly #format: XmlFormat
  readonly #lists: Lists
  readonly #marked: boolean
  readonly #names = new Map<string, Name>()
  readonly #stack: Open[]
  #top: Open
  #parts = 0
  #attributes = 0

  /** `marked`: texts are as lazily parsed JSON has them. */
  constructor(format: XmlFormat, lists: Lists, marked: boolean) {
    this.#format = format
    this.#lists = lists
    this.#marked = marked
    this.#top = { name: { local: '', list: false, inherited: false }, node: {}, text: '', exact: false, nil: false, at: lists.top }
    this.#stack = []
  }

  get value(): Tree {
    return this.#top.node!
  }

  /** An attribute of the element that is about to be opened. */
  attribute(): void {
    this.#count()
    if (++this.#attributes > MAX_ATTRIBUTES) throw new IsthmusError('PageTooLarge', `an element of the XML has more than ${MAX_ATTRIBUTES} attributes`)
  }

  open(name: string, attributes: Record<string, string>): void {
    if (this.#stack.length >= MAX_DEPTH) throw new IsthmusError('PageTooLarge', `the XML is nested deeper than ${MAX_DEPTH} elements`, { cure: 'ask the API for flatter answers' })
    this.#count()
    const known = this.#nameOf(name)
    const open: Open = { name: known, node: null, text: '', exact: false, nil: false, at: this.#top.at?.children.get(known.local) ?? null }
    this.#attributes = 0
    for (const given in attributes) {
      const value = attributes[given]!
      // xsi:nil (XML Schema 1, 2.6.2): the element has no value.
      if (given.endsWith(':nil') && (value === 'true' || value === '1')) open.nil = true
      if (given === 'xml:space' && value === 'preserve') open.exact = true
      if (this.#format.namespaces === 'strip' && (given === 'xmlns' || given.startsWith('xmlns:'))) continue
      put((open.node ??= {}), this.#format.attributes + this.#nameOf(given).local, this.#text(value))
    }
    this.#stack.push(this.#top)
    this.#top = open
  }

  text(text: string): void {
    const top = this.#top
    // Between elements white space is layout.
    if ((top.node === null && top.text === '') || !isBlank(text)) top.text += text
  }

  cdata(text: string): void {
    const top = this.#top
    top.text = (top.exact || !isBlank(top.text) ? top.text : '') + text
    top.exact = true
  }

  close(): void {
    const done = this.#top
    this.#top = this.#stack.pop()!
    const { name, at } = done
    const value = this.#valueOf(done)
    const parent = (this.#top.node ??= {})
    const before = name.inherited ? get(parent, name.local) : parent[name.local]
    if (Array.isArray(before)) before.push(value)
    else {
      const set = before !== undefined ? [before, value] : at?.list === true || name.list ? [value] : value
      if (name.inherited) put(parent, name.local, set)
      else parent[name.local] = set
    }
  }

  #valueOf({ node, text, exact, nil, at }: Open): unknown {
    if (nil) return null
    const kept = exact ? text : withoutLayout(text)
    const lists = at?.lists ?? []
    if (node === null && (lists.length === 0 || kept !== '')) return this.#text(kept)
    const tree = node ?? {}
    for (const name of lists) fillList(tree, name, at!.children.get(name)!.records)
    if (kept !== '') put(tree, this.#format.text, this.#text(kept))
    return tree
  }

  #text(text: string): string {
    return this.#marked ? markedText(text) : text
  }

  /** The name, without prefix unless prefixes are kept. */
  #nameOf(name: string): Name {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const local = this.#format.namespaces === 'keep' ? name : name.slice(name.indexOf(':') + 1)
    const made = { local, list: this.#lists.names.has(local), inherited: local in Object.prototype }
    this.#names.set(name, made)
    return made
  }

  #count(): void {
    if (++this.#parts > MAX_PARTS) throw new IsthmusError('PageTooLarge', `the XML holds more than ${MAX_PARTS} elements and attributes`, { cure: 'ask the API for smaller pages' })
  }
}

/** A list that the body has no element of is empty; but where an error stands instead of records, they are missing. */
function fillList(tree: Tree, name: string, records: boolean): void {
  const found = get(tree, name)
  if (found === undefined) {
    if (!records || !Object.keys(tree).some((key) => /^(errors?|fault|exception)$/i.test(key))) put(tree, name, [])
  } else if (records && Array.isArray(found) && found.length === 1 && (found[0] === '' || found[0] === null)) {
    // `<items/>` is no record.
    put(tree, name, [])
  }
}

function get(tree: Tree, name: string): unknown {
  return name in Object.prototype && !Object.hasOwn(tree, name) ? undefined : tree[name]
}

function put(tree: Tree, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(tree, name, { value, enumerable: true, configurable: true, writable: true })
  else tree[name] = value
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

function isBlank(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!isSpace(text.charCodeAt(i))) return false
  return true
}

/** A text without the white space at its ends that holds a line break; '' for white space alone. */
function withoutLayout(text: string): string {
  let end = text.length
  let start = 0
  if (end === 0 || (!isSpace(text.charCodeAt(0)) && !isSpace(text.charCodeAt(end - 1)))) return text
  while (start < end && isSpace(text.charCodeAt(start))) start++
  if (start === end) return ''
  while (isSpace(text.charCodeAt(end - 1))) end--
  if (!/[\r\n]/.test(text.slice(0, start))) start = 0
  if (!/[\r\n]/.test(text.slice(end))) end = text.length
  return text.slice(start, end)
}
