import type { Paging, Position } from '../../model/index.ts'
import type { Param } from './requests.ts'
import type { Vars } from './template.ts'

/** What is known of a page's place, by the names of placeholders. */
export function pageVars(page: Paging, position: Position | null): Vars {
  const size = 'size' in page ? (page.size ?? undefined) : undefined
  switch (page.kind) {
    case 'page':
      return { size, page: position?.kind === 'page' ? position.page : page.start }
    case 'offset':
      return { size, offset: page.start + (position?.kind === 'offset' ? position.offset : 0) }
    case 'cursor':
      return { size, cursor: position?.kind === 'cursor' ? position.cursor : undefined }
    case 'search':
      return { size, cursor: position?.kind === 'search' ? position.id : undefined, page: position?.kind === 'search' ? position.page : page.start }
    case 'none':
    case 'link':
    case 'nextUrl':
    case 'range':
      return { size }
  }
}

/** The parameters that ask for the page at a position. */
export function pageParams(page: Paging, position: Position | null): Param[] {
  if (page.kind === 'none' || page.kind === 'range' || position?.kind === 'url') return []
  const params: Param[] = []
  if (page.size !== null && page.sizeParam !== '') params.push({ in: page.in, name: page.sizeParam, value: page.size })
  const vars = pageVars(page, position)
  if (page.kind === 'page' && page.param !== '') params.push({ in: page.in, name: page.param, value: vars['page']! })
  if (page.kind === 'offset' && page.param !== '') params.push({ in: page.in, name: page.param, value: vars['offset']! })
  if (page.kind === 'cursor' && page.send !== '' && vars['cursor'] !== undefined) params.push({ in: page.in, name: page.send, value: vars['cursor'] })
  return params
}
