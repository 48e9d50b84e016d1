/** Holds back all requests of a connection after it was told to wait. */
export interface Gate {
  /** Nothing is sent before this moment (epoch ms). */
  block(untilMs: number, reason: string): void
  openAt(): number
  reason(): string
}

export function createGate(): Gate {
  let until = 0
  let why = ''
  return {
    block(untilMs, reason) {
      if (untilMs <= until) return
      until = untilMs
      why = reason
    },
    openAt: () => until,
    reason: () => why,
  }
}
