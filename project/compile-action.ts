import { actionSchema, placeholders, textsOf, type Action } from '../model/action.ts'
import { IsthmusError } from '../model/errors.ts'
import type { Column } from '../model/plan.ts'
import { sourceSchema, type Source } from '../model/source.ts'
import type { ActionRef } from '../connectors/rest.ts'
import { checkGraphqlAction } from './compile-graphql.ts'
import { parseOr } from './issues.ts'

interface Place {
  file: string
  field: string
}

/** Checks the action a sync names in `to`. Throws InvalidInput naming the field. */
export function compileAction(to: ActionRef, place: (field: string) => Place): { source: Source; action: Action } {
  const source = parseOr(sourceSchema, to.source, place('to'))
  return { source, action: parseOr(actionSchema, to.action, place(`to.action(${JSON.stringify(to.action.name)})`)) }
}

/** Every `{name}` of the action is a column of the model, and the parts fit together. Throws InvalidInput naming the field. */
export function checkAction(action: Action, columns: Column[], place: (field: string) => Place): void {
  const at = (field: string): Place => place(`to.action(${JSON.stringify(action.name)}).${field}`)
  const fail = (field: string, message: string, cure: string): never => {
    throw new IsthmusError('InvalidInput', message, { ...at(field), cure })
  }
  const names = columns.map((c) => c.name)
  const known = (field: string, texts: string[]): void => {
    const unknown = texts.flatMap(placeholders).find((name) => !names.includes(name))
    if (unknown !== undefined) fail(field, `the model has no field "${unknown}"`, `use one of ${names.join(', ')}`)
  }
  known('path', [action.path])
  known('query', Object.values(action.query))
  known('headers', Object.values(action.headers))
  known('body', textsOf(action.body))
  known('args', textsOf(action.graphql?.variables))
  checkGraphqlAction(action, at)
  if (action.lookup && action.method === 'DELETE') fail('lookup', 'a DELETE is not looked up: it can be repeated', 'leave out `lookup`')
  if (action.lookup) {
    known('lookup.path', [action.lookup.path])
    known('lookup.query', Object.values(action.lookup.query))
    known('lookup.match', Object.values(action.lookup.match))
    known('lookup.variables', textsOf(action.lookup.graphql?.variables))
    const asks = [...textsOf(action.lookup.graphql?.variables), action.lookup.path, ...Object.values(action.lookup.query), ...Object.values(action.lookup.match)].flatMap(placeholders)
    if (asks.length === 0) fail('lookup', 'the look-up does not say which record it is about', "put a column into its path or query: { external_id: '{id}' }")
  }
  const { batch } = action
  if (batch === null) return
  if (placeholders(action.path).length + [...Object.values(action.query), ...Object.values(action.headers)].flatMap(placeholders).length > 0) {
    fail('batch', 'a batch has one address for many records, but path, query or headers name a column', 'leave out `batch`, or put the column into the body')
  }
  if (batch.key && !names.includes(batch.key.column)) fail('batch.key.column', `the model has no field "${batch.key.column}"`, `use one of ${names.join(', ')}`)
  if (batch.key && batch.results === null) fail('batch.key', 'results are found by key, but `results` does not say where they are', "give `results`, for example 'results'")
  if (action.method === 'DELETE' && action.body === null) fail('batch', 'a DELETE sends no body unless `body` is given', 'give `body`, or leave out `batch`')
}
