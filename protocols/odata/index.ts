/** OData 2 and 4: what answers mean, and the token that writes need. Streams and actions are those of REST, with other data. */
export { judgeOdata } from './judge.ts'
export { csrfOf } from './csrf.ts'
export type { Csrf, CsrfCall, CsrfPlan } from './csrf.ts'
