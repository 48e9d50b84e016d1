import type { RunError, StreamReceipt } from '../model/run.ts'
import type { Board } from './board.ts'
import type { Decision, Desk } from './desk.ts'
import type { ParkResult } from '../activities/types.ts'
import { parkedSignal, resumedSignal } from './messages.ts'
import { parkedWait } from './policy.ts'
import { local } from './steps.ts'
import { rewind } from './state.ts'
import { tellRun } from './tell.ts'
import type { StreamInput, StreamState } from './types.ts'
import { inWords } from './words.ts'

interface Parking {
  input: StreamInput
  state: StreamState
  board: Board
  desk: Desk
}

/** Parks a stream with its reason until somebody decides, or its own next try is due. Gives how it goes on. */
export async function park({ input, state, board, desk }: Parking, error: RunError): Promise<'again' | 'skipped'> {
  state.parks += 1
  const ms = parkedWait(error.type, state.parks)
  const until = ms === null ? null : new Date(Date.now() + ms).toISOString()
  board.park(error, until)
  desk.open(error)
  const receipt: StreamReceipt = { stream: input.stream, outcome: 'parked', resumed: state.resumed, counts: state.counts, waits: state.waits, tokenRefreshes: state.tokenRefreshes, error }
  const target = { sync: input.sync, run: input.run, plan: input.plan, stream: input.stream, round: state.round }
  const { signIn } = state
  // Runs of older releases have no result here.
  const parked = await local.park.executeWithOptions({ summary: `parked: ${error.type}: ${error.message.slice(0, 120)}` }, [{ ...target, counts: state.counts, error, until, ...(signIn && { signIn }) }]) as ParkResult | undefined
  state.signIn = null
  if (parked?.signedIn) {
    const made = desk.close()
    if (made?.kind === 'skip') return 'skipped'
    goOn(input, state, error, made ?? { kind: 'retry', order: { plan: input.plan, connection: input.connection, table: input.table } })
    board.set('starting')
    return 'again'
  }
  await tellRun((run) => run.signal(parkedSignal, receipt))
  const decision = await desk.decide(ms, `next try in ${inWords(ms ?? 0)}: ${error.message.slice(0, 120)}`)
  if (decision.kind === 'skip') return 'skipped'
  await tellRun((run) => run.signal(resumedSignal, { stream: input.stream }))
  goOn(input, state, error, decision)
  board.set('starting')
  return 'again'
}

/** Field of a stop that asks for approval before records are sent. */
const APPROVAL = 'to.approval'

function goOn(input: StreamInput, state: StreamState, error: RunError, decision: Exclude<Decision, { kind: 'skip' }>): void {
  state.setbacks = 0
  state.restarts = 0
  // To agree that records are sent says nothing about unusual numbers, and the other way round.
  if (decision.kind === 'approve') state.approved = error.field === APPROVAL ? { ...state.approved, sending: true } : { ...state.approved, rejects: true, drop: true, removed: true }
  if (decision.kind === 'retry') {
    if (decision.order) Object.assign(input, decision.order)
    // The table, the credentials and the plan may all be other ones now.
    state.round += 1
    state.approved.sending = false
    state.ready = false
    state.anew = ''
    state.anews = 0
    // The hint that a page was staged by the client belongs to the first try.
    input.firstPage = null
    return
  }
  rewind(state)
}
