import { IsthmusError } from '../../../model/errors.ts'

/** Characters that no XML 1.0 document can hold, not even as a reference (XML 1.0, 2.2). */
const IMPOSSIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/
const NAME = /^[\p{L}_][\p{L}\p{N}_.-]*$/u

/** A value as the text of an element or attribute. Throws InvalidInput for characters that XML cannot hold. */
export function escapeXml(value: string, path: string): string {
  if (IMPOSSIBLE.test(value)) {
    throw new IsthmusError('InvalidInput', `the value of \`${path}\` holds a control character, which XML cannot carry`, { field: path, cure: 'take the character out in the mapping' })
  }
  return value.replace(/[&<>"'\r\n\t]/g, (c) => `&#${c.charCodeAt(0)};`)
}

/** A name of an element or attribute, which stands in the XML as it is. Throws InvalidInput for anything else. */
export function checkName(name: string, path: string): string {
  if (!NAME.test(name)) throw new IsthmusError('InvalidInput', `${JSON.stringify(name.slice(0, 60))} cannot be the name of an element`, { field: path, cure: 'name the arguments as the WSDL does' })
  return name
}
