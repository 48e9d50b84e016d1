import pg from 'pg'

const AGAIN_MS = [100, 250, 500, 1_000, 2_000]

export interface Listener {
  /** Connects, now and whenever the connection is lost. */
  start(): void
  close(): Promise<void>
}

/**
 * One session of this process: it hears what other processes tell of accounts, and holds the lock that shows the process to be alive;
 * PostgreSQL frees it when the process dies. Without it everything works, only later.
 */
export function createListener(url: string, processId: string, told: (account: string) => void): Listener {
  let client: pg.Client | null = null
  let timer: NodeJS.Timeout | null = null
  let state: 'idle' | 'open' | 'closed' = 'idle'
  let tries = 0
  const connect = async (): Promise<void> => {
    const mine = new pg.Client({ connectionString: url, application_name: 'isthmus accounts', connectionTimeoutMillis: 5_000, keepAlive: true })
    client = mine
    const lost = (): void => {
      if (client !== mine) return
      client = null
      mine.end().catch(() => undefined)
      if (state !== 'open') return
      timer = setTimeout(() => void connect(), AGAIN_MS[Math.min(tries++, AGAIN_MS.length - 1)]!)
      timer.unref()
    }
    mine.on('error', lost)
    mine.on('end', lost)
    mine.on('notification', ({ payload }) => told(payload ?? ''))
    try {
      await mine.connect()
      // A host that vanishes without a word must not stay alive for hours.
      await mine.query('set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3').catch(() => undefined)
      await mine.query('select pg_advisory_lock(1769173098, hashtext($1))', [processId])
      await mine.query('listen isthmus_accounts')
      tries = 0
      told('')
    } catch {
      lost()
    }
  }
  return {
    start() {
      if (state !== 'idle') return
      state = 'open'
      void connect()
    },
    async close() {
      state = 'closed'
      if (timer) clearTimeout(timer)
      const last = client
      client = null
      await last?.end().catch(() => undefined)
    },
  }
}
