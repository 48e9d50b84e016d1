import { IsthmusError } from '../model/errors.ts'
import type { Store } from '../model/ports.ts'

/** The store of a client. Once that is closed, calls are refused at once: to whoever follows a run it would look like an outage, which is waited for. */
export function untilClosed(store: Store): Store {
  let closed = false
  const refuse = async (): Promise<never> => {
    throw new IsthmusError('InvalidInput', 'this client of Isthmus was closed', { cure: 'call close() when what it follows has ended, or make another client' })
  }
  const close = async (): Promise<void> => {
    closed = true
    await store.close()
  }
  return new Proxy(store, {
    get(target, name) {
      if (name === 'close') return close
      const found: unknown = Reflect.get(target, name)
      return closed && typeof found === 'function' && name !== 'pacer' ? refuse : found
    },
  })
}
