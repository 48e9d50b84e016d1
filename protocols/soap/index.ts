/** SOAP by its WSDL: envelopes, answers, faults. */
export { openSoap } from './open.ts'
export type { SoapOptions } from './open.ts'
export { asFirstAnswer } from './first-answer.ts'
export type { SoapClient } from './types.ts'
