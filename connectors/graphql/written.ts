import type { FieldNode, SelectionSetNode } from 'graphql/language/ast.js'
import { IsthmusError } from '../../model/errors.ts'
import { pathKeys, type Path } from '../../model/value.ts'
import type { NestedInput } from './document.ts'
import { parseDocument, type Parsed } from './parse.ts'

/** A field that is asked for as a connection: with `nodes` or `edges` in it. */
export interface FoundConnection {
  /** Where the answer holds it, without places in lists. */
  path: string[]
  list: 'nodes' | 'edges'
  /** Whether `pageInfo { hasNextPage }` is asked for, and its cursor. */
  hasPageInfo: boolean
}

/** The connections that a document asks for, by the names the answer gives them; fragments are looked into. */
export function connectionsOf({ operation, fragments }: Parsed): FoundConnection[] {
  const found = new Map<string, FoundConnection>()
  const visit = (set: SelectionSetNode, path: string[], depth: number): void => {
    // Fragments that hold themselves are refused by the server.
    if (depth > 50) return
    for (const { field, set: below } of fieldsOf(set, fragments, depth)) {
      const name = field.alias?.value ?? field.name.value
      const here = [...path, name]
      if (!below) continue
      const inside = fieldsOf(below, fragments, depth)
      const list = inside.find(({ field: f }) => f.name.value === 'nodes' || f.name.value === 'edges')
      if (list) {
        const info = inside.find(({ field: f }) => f.name.value === 'pageInfo' && !f.alias)
        const hasPageInfo = info?.set !== undefined && fieldsOf(info.set, fragments, depth).some(({ field: f }) => f.name.value === 'hasNextPage' && !f.alias)
        found.set(here.join('.'), { path: here, list: list.field.name.value as 'nodes' | 'edges', hasPageInfo })
      }
      visit(below, here, depth + 1)
    }
  }
  visit(operation.selectionSet, [], 0)
  return [...found.values()]
}

function fieldsOf(set: SelectionSetNode, fragments: Parsed['fragments'], depth: number): { field: FieldNode; set: SelectionSetNode | undefined }[] {
  if (depth > 50) return []
  return set.selections.flatMap((s) => {
    if (s.kind === 'Field') return [{ field: s, set: s.selectionSet }]
    const inner = s.kind === 'InlineFragment' ? s.selectionSet : fragments.get(s.name.value)?.selectionSet
    return inner ? fieldsOf(inner, fragments, depth + 1) : []
  })
}

/** The path of the records' list below `data`, without places in lists. */
export function recordsPath(records: Path): string[] {
  return pathKeys(records).filter((k) => k !== '*' && !/^\d+$/.test(k)).slice(1)
}

const begins = (path: readonly string[], start: readonly string[]): boolean => path.length > start.length && start.every((key, i) => path[i] === key)

/** Lists of a written query that could be cut without anybody noticing. Throws InvalidInput with what to write. */
export function checkCut(name: string, query: string, operationName: string | null, records: Path, paged: boolean, truncate: readonly string[]): void {
  const parsed = parseDocument(query, operationName)
  if ('problem' in parsed) return
  const list = recordsPath(records)
  for (const { path, hasPageInfo } of connectionsOf(parsed)) {
    const isRecords = path.length < list.length && path.every((key, i) => list[i] === key) && ['nodes', 'edges'].includes(list[path.length]!)
    const inside = begins(path, list)
    const shown = path.slice(inside ? list.length : 0).filter((k) => !['nodes', 'edges', 'node'].includes(k)).join('.')
    if (truncate.includes(shown)) continue
    const fail = (cure: string): never => {
      throw new IsthmusError('InvalidInput', `the list \`${shown}\` may be cut by the API, and nobody would notice`, { field: `from.stream(${JSON.stringify(name)}).query`, cure: `${cure}; or name it in truncate: ['${shown}'] if a part of it is enough` })
    }
    if (isRecords && !paged) fail(`ask for pageInfo { hasNextPage endCursor } in it, take the cursor as $after, and write page: relay('data.${path.join('.')}')`)
    if (inside && !hasPageInfo) fail('ask for pageInfo { hasNextPage } in it')
  }
}

/** The connections inside the records of a written query: one that is cut stops the stream. `truncate`: those that may be cut. [] for a document that does not parse: that is told when the sync is compiled. */
export function nestedOfDocument(query: string, operationName: string | null, records: Path, truncate: readonly string[]): NestedInput[] {
  const parsed = parseDocument(query, operationName)
  if ('problem' in parsed) return []
  const list = recordsPath(records)
  return connectionsOf(parsed)
    .filter(({ path, hasPageInfo }) => hasPageInfo && begins(path, list))
    .map(({ path, list: kind }) => ({ path: path.slice(list.length), kind }))
    .filter(({ path }) => !truncate.includes(path.filter((k) => !['nodes', 'edges', 'node'].includes(k)).join('.')) && !truncate.includes(path.join('.')))
    .map(({ path, kind }) => {
      const name = path.at(-1)!
      return { owner: path.slice(0, -1), list: [name, kind], hasMore: [name, 'pageInfo', 'hasNextPage'], next: [name, 'pageInfo', 'endCursor'] }
    })
}
