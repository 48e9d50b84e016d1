/** What kind of trouble an error is; decides what a stream does about it. */
export type ErrorState = 'input' | 'auth' | 'permission' | 'quota' | 'rate' | 'transient' | 'contract' | 'poison' | 'implausible' | 'bug'

/**
 * Every error type of Isthmus with its policy. The `type` strings are the retry
 * contract: they become `ApplicationFailure.type` in Temporal, and stand here only.
 * `retryable`: the step is tried again by Temporal. `parks`: a stream that meets it in a run waits for a person (`owner`) instead of failing.
 */
export const ERROR_POLICY = {
  /** A plan, flag or file is wrong. */
  InvalidInput: { state: 'input', parks: true, retryable: false, owner: 'author', next: 'correct the named field' },
  /** An environment variable the plan refers to is not set. */
  MissingEnvironment: { state: 'input', parks: true, retryable: false, owner: 'author', next: 'set the variable, or put it in .env' },
  /** The destination table cannot take the model. */
  DestinationMismatch: { state: 'contract', parks: true, retryable: false, owner: 'author', next: 'change the model or the table' },
  /** A run of the same sync is open. */
  AlreadyRunning: { state: 'input', parks: false, retryable: false, owner: 'operator', next: 'wait for it or cancel it' },
  /** A sync, stream or run of that name does not exist. */
  NotFound: { state: 'input', parks: true, retryable: false, owner: 'author', next: 'use one of the listed names' },
  /** The system refused the credentials, also after a refresh. */
  AuthFailed: { state: 'auth', parks: true, retryable: false, owner: 'operator', next: 'correct the credentials and run again' },
  /** Signed in, but not allowed to read this. */
  PermissionDenied: { state: 'permission', parks: true, retryable: false, owner: 'operator', next: 'grant the permission and run again' },
  /** Too many requests; `until` says when to go on. */
  RateLimited: { state: 'rate', parks: false, retryable: true, owner: 'isthmus', next: 'wait' },
  /** Time-outs, resets, 5xx, cut-off bodies. */
  Transient: { state: 'transient', parks: true, retryable: true, owner: 'isthmus', next: 'retry with backoff' },
  /** The source or a service of ours cannot be reached at all. */
  Unreachable: { state: 'transient', parks: true, retryable: true, owner: 'isthmus', next: 'retry with backoff' },
  /** The source answers, but not what the plan describes. */
  Contract: { state: 'contract', parks: true, retryable: false, owner: 'author', next: 'compare the plan with the API' },
  /** A page is larger or deeper than allowed. */
  PageTooLarge: { state: 'contract', parks: true, retryable: false, owner: 'author', next: 'ask for smaller pages' },
  /** A next link or redirect names a host the connection is not bound to. */
  ForeignOrigin: { state: 'contract', parks: true, retryable: false, owner: 'author', next: 'list the origin in `origins` if it is trusted' },
  /** An address leads into a private network, to this machine, or to where clouds keep their metadata. */
  BlockedAddress: { state: 'contract', parks: true, retryable: false, owner: 'author', next: 'set `privateNetwork: true` on the source if it is meant to be called there' },
  /** Staged data a step needs is gone; the chunk is read again. */
  StageLost: { state: 'transient', parks: true, retryable: false, owner: 'isthmus', next: 'read the chunk again' },
  /** A newer run owns the stream; this attempt changes nothing. */
  Fenced: { state: 'bug', parks: false, retryable: false, owner: 'isthmus', next: 'nothing, the newer run goes on' },
  /** The counts of a run do not add up. */
  ReceiptMismatch: { state: 'bug', parks: false, retryable: false, owner: 'isthmus', next: 'report it' },
  /** The user's own map or page function threw for a reason of its own. */
  UserCode: { state: 'contract', parks: true, retryable: false, owner: 'author', next: 'correct the function' },
  /** The key that seals credentials is missing or another one. */
  VaultKey: { state: 'auth', parks: true, retryable: false, owner: 'operator', next: 'provide the key the credentials were sealed with' },
  /** The numbers of a run are plainly wrong: too many rejects, far fewer records, too many deletes. Goes on when approved. */
  Implausible: { state: 'implausible', parks: true, retryable: false, owner: 'operator', next: 'look at the records, then approve, retry or skip' },
  /** A record that the destination refuses for what is in it. */
  Poison: { state: 'poison', parks: false, retryable: false, owner: 'author', next: 'correct the mapping or the record, then send the reject again' },
  /** An argument or result is larger than the history may hold. */
  PayloadTooLarge: { state: 'bug', parks: false, retryable: false, owner: 'isthmus', next: 'report it' },
} as const satisfies Record<string, { state: ErrorState; parks: boolean; retryable: boolean; owner: 'author' | 'operator' | 'isthmus'; next: string }>

export type ErrorType = keyof typeof ERROR_POLICY

/** Error types that Temporal must not retry. */
export const NON_RETRYABLE: ErrorType[] = (Object.keys(ERROR_POLICY) as ErrorType[]).filter((t) => !ERROR_POLICY[t].retryable)

export interface ErrorFields {
  /** The file the error is in, relative to the project. */
  file?: string
  /** The field in that file, as a dotted path. */
  field?: string
  /** What to do about it, as one imperative sentence. */
  cure?: string
  /** When to try again (RateLimited). */
  until?: Date
  /** HTTP status, when an answer of the source is the reason. */
  status?: number
  cause?: unknown
}

/** The one error class that crosses folder borders. `toString()` is the message a person sees. */
export class IsthmusError extends Error {
  readonly type: ErrorType
  readonly file: string | undefined
  readonly field: string | undefined
  readonly cure: string | undefined
  readonly until: Date | undefined
  readonly status: number | undefined

  constructor(type: ErrorType, message: string, fields: ErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.name = 'IsthmusError'
    this.type = type
    this.file = fields.file
    this.field = fields.field
    this.cure = fields.cure
    this.until = fields.until
    this.status = fields.status
  }

  get retryable(): boolean {
    return ERROR_POLICY[this.type].retryable
  }

  /** One message with file, field and cure: `syncs/a.ts: to.table: ... Cure: ...` */
  format(): string {
    const where = [this.file, this.field].filter(Boolean).join(': ')
    const cure = this.cure ?? `${ERROR_POLICY[this.type].next}`
    return `${where ? `${where}: ` : ''}${this.message}${/[.!?]$/.test(this.message) ? '' : '.'} Cure: ${cure}${cure.endsWith('...') ? '' : '.'}`
  }
}

/** The same error with where it happened filled in, if it was not yet. */
export function at(error: unknown, where: Pick<ErrorFields, 'file' | 'field'>): IsthmusError {
  if (!(error instanceof IsthmusError)) {
    return new IsthmusError('InvalidInput', error instanceof Error ? error.message : String(error), { ...where, cause: error })
  }
  const { message, type, cure, until, status, cause } = error
  return new IsthmusError(type, message, { file: error.file ?? where.file, field: error.field ?? where.field, cure, until, status, cause })
}
