import { expect, test } from 'vitest'
import { redactor } from '../../model/redact/index.ts'
import { judgeSoap } from './judge.ts'

const judge = judgeSoap({ partial: 'fail' })
const context = { status: 500, headers: {}, nowMs: 0, redactor }
const kind = (value: unknown) => judge(value, context)?.verdict.kind ?? null
const fault = (faultcode: string, faultstring: string, detail?: unknown) => ({ Fault: { faultcode, faultstring, ...(detail === undefined ? {} : { detail }) } })
const fault12 = (value: string, sub: string, text: string) => ({ Fault: { Code: { Value: value, Subcode: { Value: sub } }, Reason: { Text: { '@lang': 'en', '#text': text } } } })

test.each([
  // NetSuite (platform.faults.xsd; misbehaviours 9 and 10).
  [fault('soapenv:Server.userException', 'Only one request may be made against a session at a time', { exceededConcurrentRequestLimitFault: { code: 'WS_CONCUR_SESSION_DISALLWD' } }), 'throttled'],
  [fault('soapenv:Server.userException', 'too much', { exceededRequestLimitFault: { code: 'WS_REQUEST_BLOCKED', message: 'x' } }), 'throttled'],
  [fault('soapenv:Server.userException', 'SSS_REQUEST_LIMIT_EXCEEDED'), 'throttled'],
  [fault('soapenv:Server.userException', 'Invalid login attempt.', { invalidCredentialsFault: { code: 'INVALID_LOGIN_ATTEMPT' } }), 'transient'],
  [fault('soapenv:Server.userException', 'You have entered an invalid email address or account number.', { invalidCredentialsFault: { code: 'USER_ERROR' } }), 'authRequired'],
  [fault('soapenv:Server.userException', 'Invalid login attempt.'), 'transient'],
  [fault('soapenv:Server.userException', 'x', { insufficientPermissionFault: { code: 'INSUFFICIENT_PERMISSION' } }), 'permission'],
  [fault('soapenv:Server.userException', 'x', { invalidSessionFault: { code: 'SESSION_TIMED_OUT' } }), 'authRequired'],
  [fault('soapenv:Server.userException', 'x', { unexpectedErrorFault: { code: 'UNEXPECTED_ERROR' } }), 'transient'],
  // Salesforce (ExceptionCode).
  [fault('sf:REQUEST_LIMIT_EXCEEDED', 'REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.'), 'throttled'],
  [fault('sf:INVALID_SESSION_ID', 'INVALID_SESSION_ID: Invalid Session ID found in SessionHeader'), 'authRequired'],
  [fault('sf:INVALID_QUERY_LOCATOR', 'INVALID_QUERY_LOCATOR: invalid query locator'), 'positionLost'],
  [fault('sf:UNABLE_TO_LOCK_ROW', 'unable to obtain exclusive access'), 'transient'],
  [fault('sf:SERVER_UNAVAILABLE', 'too busy'), 'transient'],
  [fault('sf:INSUFFICIENT_ACCESS', 'no'), 'permission'],
  [fault('sf:MALFORMED_QUERY', 'unexpected token'), 'refused'],
  [fault('sf:UNSUPPORTED_API_VERSION', 'API version 20.0 is unsupported'), 'refused'],
  // WS-Security and the protocol itself.
  [fault('wsse:FailedAuthentication', 'The security token could not be authenticated'), 'authRequired'],
  [fault12('env:Sender', 'wsse:InvalidSecurityToken', 'bad token'), 'authRequired'],
  [fault12('env:Sender', 'x:BadArguments', 'no such id'), 'refused'],
  [fault12('env:Receiver', 'x:Oops', 'something broke'), 'transient'],
  [fault('soap:Client', 'no such field'), 'refused'],
  [fault('SOAP-ENV:Server', 'null pointer'), 'transient'],
  [fault('soap:VersionMismatch', 'wrong'), 'refused'],
  // A failure inside a good answer (misbehaviour 17).
  [{ searchResponse: { searchResult: { status: { '@isSuccess': 'false', statusDetail: [{ '@type': 'ERROR', code: 'SSS_REQUEST_LIMIT_EXCEEDED', message: 'x' }] } } } }, 'throttled'],
  [{ addResponse: { writeResponse: { status: { '@isSuccess': 'false', statusDetail: [{ code: 'INVALID_REF', message: 'no account 7' }] } } } }, 'refused'],
  [{ addListResponse: { writeResponseList: { status: { '@isSuccess': 'false' }, writeResponse: [{ status: { '@isSuccess': 'false' } }, { status: { '@isSuccess': 'true' } }] } } }, null],
  [{ 'BAPI.Response': { RETURN: { item: [{ TYPE: 'S' }, { TYPE: 'E', MESSAGE: 'not balanced' }] } } }, 'refused'],
  [{ queryResponse: { result: { done: 'true' } } }, null],
])('%j is %s', (value, expected) => {
  expect(kind(value)).toBe(expected)
})

test('reasons say code and text, without secrets; a retired version says what to do', () => {
  redactor.add('session-00D-very-secret')
  expect(judge(fault('sf:INVALID_SESSION_ID', 'Invalid Session ID session-00D-very-secret'), context)?.verdict).toMatchObject({ reason: expect.stringMatching(/^HTTP 500: fault sf:INVALID_SESSION_ID: .*Invalid Session ID (?!session-00D)/) })
  expect(judge(fault('sf:UNSUPPORTED_API_VERSION', 'gone'), context)?.verdict).toMatchObject({ reason: expect.stringContaining('newer WSDL') })
  expect(judge('--uuid:1\r\nContent-Type: application/xop+xml', { ...context, status: 200, headers: { 'content-type': 'multipart/related; type="application/xop+xml"' } })?.verdict).toMatchObject({ kind: 'refused', reason: expect.stringContaining('MTOM') })
})
