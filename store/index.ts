export { openStore, type StoreOptions } from './open.ts'
export { loadVaultKey, type VaultKey } from './vault-key.ts'
export { openSealed, seal, type SealedPlace } from './vault.ts'
export { pgError, poolOf, STATE_LOCK } from './postgres.ts'
