import { actionSchema, actionTexts, placeholders, textsOf, type Action } from '../model/action.ts'
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
export function checkAction(action: Action, columns: Column[], place: (field: string) => Place, source?: Source): void {
  const at = (field: string): Place => place(`to.action(${JSON.stringify(action.name)}).${field}`)
  const fail = (field: string, message: string, cure: string): never => {
    throw new IsthmusError('InvalidInput', message, { ...at(field), cure })
  }
  const names = columns.map((c) => c.name)
  /** `also`: names that are known besides the columns. */
  const known = (field: string, texts: string[], also: string[] = []): void => {
    const unknown = texts.flatMap(placeholders).find((name) => !names.includes(name) && !also.includes(name))
    if (unknown !== undefined) fail(field, `the model has no field "${unknown}"`, `use one of ${[...names, ...also].join(', ')}`)
  }
  const version = source?.version ? ['version'] : []
  for (const [field, texts] of actionTexts(action)) known(field, texts, version)
  checkProtocol(action, source, fail)
  checkGraphqlAction(action, at)
  if (action.lookup) checkLookup(action, action.lookup, fail)
  const { batch } = action
  if (batch === null) return
  if (placeholders(action.path).length + [...Object.values(action.query), ...Object.values(action.headers)].flatMap(placeholders).filter((n) => !version.includes(n)).length > 0) {
    fail('batch', 'a batch has one address for many records, but path, query or headers name a column', 'leave out `batch`, or put the column into the body')
  }
  if (textsOf(action.soap?.args ?? null).flatMap(placeholders).length > 0) fail('batch', 'the arguments of the operation stand around many records, but they name a column', 'put the column into `body`, which is sent of each record, and let `batch.records` name its place in the arguments')
  if (action.soap && batch.records === '') fail('batch.records', 'the operation has no place for the records', "name it, for example batch: { size: 100, records: 'record' }")
  known('batch.item', textsOf(batch.item), ['record', 'index'])
  if (batch.item !== null && !textsOf(batch.item).includes('{record}')) fail('batch.item', 'nothing of the record is sent', "let a field be exactly '{record}'")
  if (batch.key && batch.key.column !== '{index}' && !names.includes(batch.key.column)) fail('batch.key.column', `the model has no field "${batch.key.column}"`, `use one of ${names.join(', ')}, or '{index}'`)
  if (batch.key && batch.results === null) fail('batch.key', 'results are found by key, but `results` does not say where they are', "give `results`, for example 'results'")
  if (action.method === 'DELETE' && action.body === null && action.soap === null) fail('batch', 'a DELETE sends no body unless `body` is given', 'give `body`, or leave out `batch`')
}

type Fail = (field: string, message: string, cure: string) => never

function checkLookup(action: Action, lookup: NonNullable<Action['lookup']>, fail: Fail): void {
  if (action.method === 'DELETE') fail('lookup', 'a DELETE is not looked up: it can be repeated', 'leave out `lookup`')
  if (lookup.body !== null && lookup.method === 'GET' && lookup.graphql === null) fail('lookup.body', 'a GET has no body', "add method: 'POST'")
  const asks = actionTexts(action).filter(([field]) => field.startsWith('lookup.')).flatMap(([, texts]) => texts).flatMap(placeholders)
  if (asks.length === 0) fail('lookup', 'the look-up does not say which record it is about', "put a column into its path, query or body: { external_id: '{id}' }")
}

function checkProtocol({ soap, lookup, body, path, method, batch, bodyFormat }: Action, source: Source | undefined, fail: Fail): void {
  if (!source) return
  if ((soap || lookup?.soap) && source.soap === null) fail(soap ? 'soap' : 'lookup.soap', 'the action calls an operation, but its source has no WSDL', 'use soap({ wsdl, ... })')
  if (source.kind === 'soap' && !soap) fail('soap', 'an action of a SOAP service calls an operation', "add soap: { operation: '...', args: { ... } }")
  if (soap && body !== null && batch === null && soap.args !== null && Object.keys(soap.args).length > 0) fail('body', 'what is sent stands in the arguments of the operation', 'leave out `body`, or the arguments')
  if (path === '' && source.kind === 'rest' && (method === 'PUT' || method === 'DELETE') && !soap) fail('path', `a ${method} needs the address of a record`, "name it below the base URL: '/contacts/{id}'")
  if (bodyFormat === 'xml' && body === null && !soap) fail('body', 'an XML body has one root element', "give it: body: { Contact: { Id: '{id}' } }")
}
