import { hkdfSync } from 'node:crypto'
import type { Store } from '../model/ports.ts'
import type { VaultKey } from './vault-key.ts'

/** Keys for payloads of Temporal. */
export function payloadKeyQueries(key: VaultKey): Pick<Store, 'payloadKeys'> {
  const derived = Buffer.from(hkdfSync('sha256', key.secret, '', 'isthmus payloads', 32))
  return { payloadKeys: () => Promise.resolve({ current: { id: key.id, key: derived }, get: (id) => Promise.resolve(id === key.id ? derived : null) }) }
}
