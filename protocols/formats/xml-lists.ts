import { IsthmusError, pathKeys } from '../../model/index.ts'
import type { Path, XmlFormat } from '../../model/index.ts'

/** Where elements are lists: a tree by the names of elements, from above the root down. */
export interface ListNode {
  children: Map<string, ListNode>
  list: boolean
  /** The list of the stream's records. */
  records: boolean
  /** Names of children that are lists, which are there also when the body has none of them. */
  lists: string[]
}

export interface Lists {
  top: ListNode
  /** Elements that are lists wherever they stand. */
  names: ReadonlySet<string>
}

/** Compiles which elements are lists: those of `records`, and of `lists` by name or path; in paths also what stands in front of `*` or a number. Throws InvalidInput. */
export function compileLists(format: XmlFormat, records: Path): Lists {
  const top = node()
  const names = new Set<string>()
  const add = (keys: string[], isRecords: boolean): void => {
    let at = top
    keys.forEach((key, i) => {
      if (isStep(key)) return
      at = child(at, key)
      const last = keys.slice(i + 1).every(isStep)
      if (last || isStep(keys[i + 1]!)) at.list = true
      if (last && isRecords) at.records = true
    })
  }
  const recordKeys = pathKeys(records)
  check(recordKeys, format, 'from.records')
  if (recordKeys.length > 0) add(recordKeys, true)
  for (const path of format.lists) {
    const keys = pathKeys(path)
    check(keys, format, 'from.format.lists')
    if (keys.length === 1) names.add(keys[0]!)
    else if (keys.length > 1) add(keys, false)
  }
  finish(top)
  return { top, names }
}

function node(): ListNode {
  return { children: new Map(), list: false, records: false, lists: [] }
}

function child(parent: ListNode, name: string): ListNode {
  const found = parent.children.get(name) ?? node()
  parent.children.set(name, found)
  return found
}

function finish(at: ListNode): void {
  at.lists = [...at.children].filter(([, c]) => c.list).map(([name]) => name)
  for (const c of at.children.values()) finish(c)
}

/** A step of a path that goes into a list instead of to an element. */
function isStep(key: string): boolean {
  return key === '*' || /^-?\d+$/.test(key)
}

function check(keys: string[], { namespaces }: XmlFormat, field: string): void {
  const prefixed = keys.find((key) => key.includes(':'))
  if (namespaces === 'keep' || prefixed === undefined) return
  throw new IsthmusError('InvalidInput', `prefixes are left out of names, so there is no ${JSON.stringify(prefixed)}`, { field, cure: `write ${JSON.stringify(prefixed.slice(prefixed.indexOf(':') + 1))}, or keep them: format: { kind: 'xml', namespaces: 'keep' }` })
}
