import type { Source } from '../../model/index.ts'
import type { Verdict } from '../http/index.ts'
import type { Judge, JudgeContext } from '../rest/judge.ts'
import { meaning, type Kind } from './faults.ts'

type Tree = Record<string, unknown>

/**
 * What an answer means beyond its status: a Fault (SOAP 1.1 and 1.2) whatever the status, and the ways in which services say in a good answer
 * that it is none: a `status` with `isSuccess="false"` (NetSuite), a BAPI's `RETURN` of the type E or A. Results of single records of a batch are left to the action.
 */
export function judgeSoap(_source: Pick<Source, 'partial'>): Judge {
  return (value, context) => {
    if (!isTree(value)) {
      const attached = /^multipart\/related/i.test(context.headers['content-type'] ?? '')
      return attached ? { verdict: { kind: 'refused', reason: `HTTP ${context.status}: the answer has attachments (MTOM, SOAP with Attachments), which are not read` } } : null
    }
    const verdict = isTree(value['Fault']) ? judgeFault(value['Fault'], context) : judgeStatus(value, context)
    return verdict === null ? null : { verdict }
  }
}

/** SOAP 1.1, 4.4: faultcode, faultstring, detail. SOAP 1.2, part 1, 5.4: Code, Reason, Detail. */
function judgeFault(fault: Tree, context: JudgeContext): Verdict {
  const code = isTree(fault['Code']) ? fault['Code'] : null
  const faultcode = text(code ? code['Value'] : fault['faultcode'])
  const subcodes = code ? subcodesOf(code) : []
  const reason = fault['Reason']
  const faultstring = text(isTree(reason) ? [reason['Text']].flat()[0] : fault['faultstring'])
  const detail = fault['detail'] ?? fault['Detail']
  const codes = [faultcode, ...subcodes, ...(isTree(detail) ? codesIn(detail) : [])]
  const said = [codes.filter((c) => c !== '' && !/^(?:\w+:)?(?:Server|Client|Sender|Receiver)$/i.test(c)).at(0), faultstring].filter((t) => t !== undefined && t !== '').join(': ')
  const theirs = /(?:^|[:.])(?:Server|Receiver|DataEncodingUnknown)\b/i.test(faultcode)
  return verdictOf(meaning(codes, faultstring) ?? (theirs ? 'transient' : 'refused'), `fault ${faultcode === '' ? 'without a code' : faultcode}${said === '' || said === faultcode ? '' : `: ${said}`}`, context)
}

/** Names of the fault elements in a detail and the codes in them. */
function codesIn(detail: Tree, depth = 0): string[] {
  if (depth > 4) return []
  return Object.entries(detail).flatMap(([name, one]) =>
    [one].flat().flatMap((v) => {
      if (name === '@xsi:type') return [String(v)]
      if (isTree(v)) return [name, ...codesIn(v, depth + 1)]
      return /code$/i.test(name) ? [String(v)] : depth === 0 ? [name] : []
    }),
  )
}

function subcodesOf(code: Tree): string[] {
  const sub = code['Subcode']
  return isTree(sub) ? [text(sub['Value']), ...subcodesOf(sub)] : []
}

/** Response, its result or list, and what stands in that: a status is not deeper. */
function judgeStatus(value: Tree, context: JudgeContext, depth = 0): Verdict | null {
  for (const [name, one] of Object.entries(value)) {
    if (/^return$/i.test(name)) {
      const bad = bapiMessages(one).find((m) => m['TYPE'] === 'E' || m['TYPE'] === 'A')
      if (bad) return verdictOf('refused', `${text(bad['ID'])}${text(bad['NUMBER'])} ${text(bad['MESSAGE'])}`.trim(), context)
    }
    if (!isTree(one)) continue
    if (name === 'status' && one['@isSuccess'] === 'false') {
      const details = [one['statusDetail']].flat().filter(isTree)
      const error = details.find((d) => d['@type'] !== 'WARN' && d['@type'] !== 'INFO') ?? details[0]
      // Results of single records speak for themselves.
      if (Object.values(value).some((v) => Array.isArray(v) && v.some((r) => isTree(r) && isTree(r['status'])))) continue
      const code = text(error?.['code'])
      const message = text(error?.['message'])
      return verdictOf(meaning([code], message) ?? 'refused', [code, message].filter((t) => t !== '').join(': ') || 'isSuccess is false', context)
    }
    const found = depth < 2 ? judgeStatus(one, context, depth + 1) : null
    if (found) return found
  }
  return null
}

function bapiMessages(value: unknown): Tree[] {
  return [value].flat().flatMap((v) => (isTree(v) ? ('TYPE' in v ? [v] : [v['item']].flat().filter(isTree)) : []))
}

function verdictOf(kind: Kind, said: string, { status, redactor }: JudgeContext): Verdict {
  const reason = `HTTP ${status}: ${redactor.text(said).replace(/\s+/g, ' ').slice(0, 300)}`
  switch (kind) {
    case 'throttled':
      return { kind, untilMs: null, reason }
    case 'transient':
      return { kind, last: 'Transient', reason }
    case 'refused':
      return { kind, reason: /UNSUPPORTED_API_VERSION/i.test(said) ? `${reason}. This version of the API is retired: take a newer WSDL and base URL` : reason }
    case 'authRequired':
    case 'permission':
    case 'positionLost':
      return { kind, reason }
  }
}

function text(value: unknown): string {
  if (typeof value === 'string') return value.trim()
  return isTree(value) ? text(value['#text']) : ''
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
