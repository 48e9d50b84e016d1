import { openBench } from './bench.ts'
import { ACCESS } from './cases/access.ts'
import { BODIES } from './cases/bodies.ts'
import { LIMITS } from './cases/limits.ts'
import { READING } from './cases/reading.ts'
import type { Case, CaseResult, Subject } from './types.ts'

/** Every case for streams, in the order they are shown. */
export const CASES: Case[] = [...READING, ...LIMITS, ...ACCESS, ...BODIES]

const RECORDS = 37
const PAGE_SIZE = 5
/** A case that takes longer hangs. */
const MOST_MS = 60_000

/** Runs cases over subjects, several at once, and tells each result as it is there. */
export async function runCases(subjects: Subject[], cases: Case[], tell: (result: CaseResult) => void, atOnce = 12): Promise<void> {
  const todo = subjects.flatMap((subject) => cases.map((one) => ({ subject, one })))
  const work = async (): Promise<void> => {
    for (let next = todo.shift(); next; next = todo.shift()) tell(await runCase(next.subject, next.one))
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

async function runCase(subject: Subject, one: Case): Promise<CaseResult> {
  const began = performance.now()
  const end = (outcome: CaseResult['outcome'], reason = ''): CaseResult => ({ subject: subject.name, case: one.name, outcome, reason, ms: Math.round(performance.now() - began) })
  if (subject.missing) return end('skipped', subject.missing)
  let timer: NodeJS.Timeout | undefined
  try {
    const bench = await openBench(subject, { records: RECORDS, pageSize: PAGE_SIZE, ...one.start })
    try {
      const why = one.skip(bench.running, subject)
      if (why !== null) return end('skipped', why)
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not done after ${MOST_MS / 1000} s`)), MOST_MS)
      })
      await Promise.race([one.run(bench), late])
      return end('passed')
    } finally {
      clearTimeout(timer)
      await bench.close()
    }
  } catch (error) {
    return end('failed', error instanceof Error ? `${error.message}${error.name === 'Error' || error.name === 'IsthmusError' ? '' : `\n${error.stack ?? ''}`}` : String(error))
  }
}
