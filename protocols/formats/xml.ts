import { SaxesParser } from 'saxes'
import { IsthmusError } from '../../model/index.ts'
import type { Path, XmlFormat } from '../../model/index.ts'
import type { Decode } from './decode.ts'
import { textOf } from './utf8.ts'
import { compileLists } from './xml-lists.ts'
import { XmlTree } from './xml-tree.ts'

/**
 * Compiles how XML bodies are read: a tree of objects and texts, its root element the one key at the top. Entities are the five of XML and
 * numbers (XML 1.0, 4.6); a body that declares its own is refused and nothing outside of it is ever read. Throws Contract for what is not
 * well-formed, PageTooLarge for what is too deep or has too many parts.
 */
export function createXmlDecoder(format: XmlFormat, records: Path): Decode {
  const lists = compileLists(format, records)
  return (body, options = {}) => {
    const text = textOf(body)
    const read = (position: boolean): unknown => {
      const tree = new XmlTree(format, lists, options.revive === false)
      parse(text, tree, position)
      return tree.value
    }
    try {
      return read(false)
    } catch (error) {
      if (error instanceof IsthmusError) throw error
    }
    try {
      // Once more, to tell where: counting lines all the time would cost more.
      return read(true)
    } catch (error) {
      if (error instanceof IsthmusError) throw error
      throw new IsthmusError('Contract', `the XML is not well-formed: ${String((error as Error).message).slice(0, 160)}`, { cure: 'look at the answer: it may be cut short, or no XML at all' })
    }
  }
}

function parse(text: string, tree: XmlTree, position: boolean): void {
  const parser = new SaxesParser({ position })
  parser.on('doctype', checkDoctype)
  parser.on('attribute', () => tree.attribute())
  parser.on('opentag', (tag) => tree.open(tag.name, tag.attributes as Record<string, string>))
  parser.on('text', (t) => tree.text(t))
  parser.on('cdata', (t) => tree.cdata(t))
  parser.on('closetag', () => tree.close())
  parser.write(text).close()
}

/** A DOCTYPE that only names a DTD is passed over: the DTD is not read. One that declares something is refused (CWE-611, CWE-776). */
function checkDoctype(doctype: string): void {
  if (!doctype.includes('[')) return
  throw new IsthmusError('Contract', 'the XML declares a document type with definitions of its own: entities are refused', { cure: 'ask the API for XML without a DTD' })
}
