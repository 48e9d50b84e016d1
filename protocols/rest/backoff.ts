/** Tries of one page, and the time within which a further one is begun. */
export const MAX_ATTEMPTS = 3
export const RETRY_WINDOW_MS = 8_000
/** Pauses of one page that the API asked for, before the caller takes over. */
export const MAX_PAUSES = 5

/** Full jitter: anything up to 1, 2, 4 s. */
export function retryDelay(attempt: number, random: () => number = Math.random): number {
  return random() * 500 * 2 ** attempt
}

/** Pause after the n-th "too many requests" that names no time: 1, 2, 4 s, and up to half as much again. */
export function pauseDelay(nth: number, random: () => number = Math.random): number {
  return 1000 * 2 ** (nth - 1) * (1 + random() / 2)
}
