/** One answer before it goes on the wire. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body: Buffer | string
  /** Data records in the body. */
  records: number
}

/** Any value as JSON. */
export function jsonAnswer(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, body: `${JSON.stringify(value)}\n`, records: 0 }
}

/** An error of the API in its one form: `{"error":{"code","message"}}`. */
export function errorAnswer(status: number, code: string, message: string, headers: Record<string, string> = {}): Answer {
  return jsonAnswer(status, { error: { code, message } }, headers)
}

/** A request the API refuses; carries the answer. */
export class Refusal extends Error {
  readonly answer: Answer

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.answer = errorAnswer(status, code, message, headers)
  }
}
