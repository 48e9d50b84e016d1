/** Carries what a caller's function threw past the translation of database errors. */
export class CallbackError extends Error {
  constructor(cause: unknown) {
    super('a function of the caller failed', { cause })
  }
}
