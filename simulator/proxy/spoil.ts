import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProxyFault } from './plan.ts'

/** A connection with a fault: lets bytes pass until it happens. */
export class Spoiled {
  readonly #near: Socket
  readonly #far: Socket
  readonly #fault: ProxyFault
  readonly #fired: () => void
  #seen = 0
  /** The fault has come. */
  happened = false

  constructor(near: Socket, far: Socket, fault: ProxyFault, fired: () => void) {
    this.#near = near
    this.#far = far
    this.#fault = fault
    this.#fired = fired
  }

  /** What of a piece goes on. */
  passes(direction: ProxyFault['direction'], piece: Buffer): Buffer | Promise<Buffer | null> {
    const { kind, afterBytes, lateMs } = this.#fault
    if (this.happened && kind !== 'late') return Promise.resolve(null)
    if (direction !== this.#fault.direction) return piece
    const left = afterBytes - this.#seen
    this.#seen += piece.length
    if (this.#seen < afterBytes) return piece
    if (!this.happened) {
      this.happened = true
      this.#fired()
      if (kind !== 'late') return this.#break(piece.subarray(0, Math.max(0, left)))
    }
    return sleep(lateMs).then(() => piece)
  }

  async #break(rest: Buffer): Promise<null> {
    const to = this.#fault.direction === 'up' ? this.#far : this.#near
    if (rest.length > 0 && !to.destroyed) await new Promise<void>((done) => to.write(rest, () => done()))
    if (this.#fault.kind === 'cut') {
      this.#near.destroySoon()
      this.#far.destroySoon()
      return null
    }
    if (this.#fault.kind === 'stall') await sleep(this.#fault.stallMs, undefined, { ref: false })
    this.#near.resetAndDestroy()
    this.#far.resetAndDestroy()
    return null
  }
}
