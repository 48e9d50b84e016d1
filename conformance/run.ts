import { openActing } from './acting/bench.ts'
import { ACTING } from './acting/cases.ts'
import type { ActingCase, ActingSubject } from './acting/types.ts'
import { openBench } from './bench.ts'
import { ACCESS } from './cases/access.ts'
import { BODIES } from './cases/bodies.ts'
import { LIMITS } from './cases/limits.ts'
import { PROTOCOLS } from './cases/protocols.ts'
import { READING } from './cases/reading.ts'
import { ROWS } from './cases/rows.ts'
import { TOKENS } from './cases/tokens.ts'
import { HOOKS } from './hooks/cases.ts'
import type { HookCase, HookSubject } from './hooks/types.ts'
import { openHook } from './hooks/bench.ts'
import type { Case, CaseResult, Over, Subject } from './types.ts'

/** Every case for streams, in the order they are shown. */
export const CASES: Case[] = [...READING, ...LIMITS, ...ACCESS, ...TOKENS, ...BODIES, ...PROTOCOLS, ...ROWS]
export { ACTING, HOOKS }

const RECORDS = 37
const PAGE_SIZE = 5
/** A case that takes longer hangs, also on a machine that has much else to do. */
const MOST_MS = 180_000

const NOT_OVER: Record<Over, string> = { http: 'it is read over HTTP', database: 'it is read from a database: no HTTP is spoken', file: 'it is read from a file: no HTTP is spoken' }

export interface Suite {
  streams: Subject[]
  actions: ActingSubject[]
  hooks: HookSubject[]
  /** Database of Isthmus, whose tables exist: for the ledger of actions, tokens, events and queries. */
  databaseUrl: string
  /** Told each result as it is there. */
  tell(result: CaseResult): void
  /** Cases under way at once: most of a case is waiting. Default 16. */
  atOnce?: number
}

/** Runs every case over every subject. */
export async function runSuite({ streams, actions, hooks, databaseUrl, tell, atOnce = 16 }: Suite): Promise<void> {
  const todo: (() => Promise<CaseResult>)[] = [
    ...streams.flatMap((subject) => CASES.map((one) => () => runCase(subject, one, databaseUrl))),
    ...actions.flatMap((subject) => ACTING.map((one) => () => runActing(subject, one, databaseUrl))),
    ...hooks.flatMap((subject) => HOOKS.map((one) => () => runHook(subject, one, databaseUrl))),
  ]
  const work = async (): Promise<void> => {
    for (let next = todo.shift(); next; next = todo.shift()) tell(await next())
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

function runCase(subject: Subject, one: Case, databaseUrl: string): Promise<CaseResult> {
  return timed(subject, one, async () => {
    const over = subject.over ?? 'http'
    if (!(one.over ?? ['http']).includes(over)) return NOT_OVER[over]
    const bench = await openBench(subject, { records: RECORDS, pageSize: PAGE_SIZE, databaseUrl, ...one.start })
    try {
      const why = one.skip(bench.running, subject)
      if (why === null) await inTime(one.run(bench))
      return why
    } finally {
      await bench.close()
    }
  })
}

function runActing(subject: ActingSubject, one: ActingCase, databaseUrl: string): Promise<CaseResult> {
  return timed(subject, one, async () => {
    const why = one.skip(subject)
    if (why !== null) return why
    const bench = await openActing(subject, one, databaseUrl)
    try {
      await inTime(one.run(bench))
      return null
    } finally {
      await bench.close()
    }
  })
}

function runHook(subject: HookSubject, one: HookCase, databaseUrl: string): Promise<CaseResult> {
  return timed(subject, one, async () => {
    const why = one.skip(subject)
    if (why !== null) return why
    const bench = await openHook(subject, databaseUrl)
    try {
      await inTime(one.run(bench))
      return null
    } finally {
      await bench.close()
    }
  })
}

/** Runs a case; `run` gives why it says nothing about the subject. */
async function timed(subject: { name: string; missing?: string | null }, one: { name: string }, run: () => Promise<string | null>): Promise<CaseResult> {
  const began = performance.now()
  const end = (outcome: CaseResult['outcome'], reason = ''): CaseResult => ({ subject: subject.name, case: one.name, outcome, reason, ms: Math.round(performance.now() - began) })
  if (subject.missing) return end('skipped', subject.missing)
  try {
    const why = await run()
    return why === null ? end('passed') : end('skipped', why)
  } catch (error) {
    return end('failed', error instanceof Error ? error.message : String(error))
  }
}

async function inTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${MOST_MS / 1000} s`)), MOST_MS)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
