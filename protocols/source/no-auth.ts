import { IsthmusError } from '../../model/index.ts'
import type { Authenticator } from '../auth/index.ts'

/** Of sources that are no API. */
export const noAuth: Authenticator = {
  kind: 'none',
  needsToken: false,
  blame: { field: 'from', variables: [], credentials: [], connection: '' },
  secretParams: [],
  apply() {},
  fetchToken: () => Promise.reject(new IsthmusError('InvalidInput', 'there is nothing to sign in to', { field: 'from' })),
  presents: () => null,
  verdict: () => 'unused',
  reconnect: (reason) => new IsthmusError('AuthFailed', reason, { field: 'from' }),
}
