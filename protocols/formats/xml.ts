import { XMLParser } from 'fast-xml-parser'
import type { Path, XmlFormat } from '../../model/index.ts'

/** The value of an XML body. Throws Contract. */
export function decodeXml(body: Buffer, format: XmlFormat, _records: Path): unknown {
  return new XMLParser({ ignoreAttributes: false, attributeNamePrefix: format.attributes, parseTagValue: false, removeNSPrefix: format.namespaces === 'strip', processEntities: false }).parse(body)
}
