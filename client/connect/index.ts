/** Setting up connections: what is asked for, signing in, one call to see that it works, the vault. */
export * from './connect.ts'
export * from './consent.ts'
export * from './given.ts'
export * from './questions.ts'
export * from './target.ts'
