/** One suite over every protocol, connector and sync: what an API may do, and what must come of it. */
export { misbehaviours } from './coverage.ts'
export type { Misbehaviour } from './coverage.ts'
export { openSuiteStore } from './database.ts'
export { ACTING, CASES, HOOKS, runSuite } from './run.ts'
export type { Suite } from './run.ts'
export { subjectsOf } from './subjects/index.ts'
export type { Subjects } from './subjects/index.ts'
export type { CaseResult } from './types.ts'
