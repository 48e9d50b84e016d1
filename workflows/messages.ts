import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import type { BackfillProgress } from '../model/backfill.ts'
import type { FreshRequest, FreshResult } from '../model/owner.ts'
import type { ConnectionState } from './types.ts'
import type { RunReceipt, StreamProgress, StreamReceipt } from '../model/run.ts'

/** What a stream is sent on with: the plan as it is now, which may have been edited. */
export interface RetryOrder {
  /** Hash of the stored plan. */
  plan: string
  connection: string
  /** Destination as shown to people. */
  table: string
}

/** What a person says when a run is paused. */
export interface PauseNote {
  /** Why, and who; '' when nothing was said. */
  note: string
}

/** Live view of a stream. */
export const progressQuery = defineQuery<StreamProgress>('progress')
/** The receipt of a run as far as it has come: outcome `parked` when every stream that is still open waits for a person, null while one works. */
export const receiptQuery = defineQuery<RunReceipt | null>('receipt')

/** Sends a parked stream on; without an order, as from the Temporal UI, with the plan it has. Refused when it is not parked. */
export const retryUpdate = defineUpdate<void, [RetryOrder?]>('retry')
/** Gives a parked stream up: what is committed stays. Refused when it is not parked. */
export const skipUpdate = defineUpdate<void, []>('skip')
/** Lets a parked stream go on although its numbers are unusual. Refused when it waits for something else. */
export const approveUpdate = defineUpdate<void, []>('approve')

/** Holds a run: each stream delivers what it has read, and reads no more until `resume`. Repeating it changes the note, which may be a plain text or be left out. */
export const pauseUpdate = defineUpdate<void, [(PauseNote | string)?]>('pause')
/** Lets a paused run go on. Refused when it is not paused. */
export const resumeUpdate = defineUpdate<void, []>('resume')
/** A run tells its streams that it is paused (the note), or goes on (null). */
export const heldSignal = defineSignal<[PauseNote | null]>('held')

/** A stream tells its run that it is parked; the receipt says why. */
export const parkedSignal = defineSignal<[StreamReceipt]>('streamParked')
/** A stream that waits, for so long that its run shows it too. */
export interface LongWait {
  stream: string
  reason: string
  /** ISO time. */
  until: string
  /** Records read so far, also those that are not yet written. */
  read: number
}
/** A stream tells its run of a long wait. */
export const waitingSignal = defineSignal<[LongWait]>('streamWaiting')
/** A parked stream, or one that waits long, goes on. */
export const resumedSignal = defineSignal<[{ stream: string }]>('streamResumed')

/** A window of a backfill hands its place back at the end of the chunk it is in. */
export const drainSignal = defineSignal<[]>('drain')
/** What a backfill is sent on with: the plan as it is now. */
export interface BackfillOrderNow {
  /** Hash of the stored plan. */
  plan: string
  streams: { name: string; connection: string; table: string }[]
}
/** Live view of a backfill. */
export const backfillQuery = defineQuery<BackfillProgress>('progress')
/** Ends what is under way at the next whole chunk and begins nothing more; answers when nothing is under way. The text says why. */
export const pauseBackfillUpdate = defineUpdate<BackfillProgress, [string?]>('pause')
/** Goes on; without an order, as from the Temporal UI, with the plan it has. Refused when it is not paused. */
export const resumeBackfillUpdate = defineUpdate<BackfillProgress, [BackfillOrderNow?]>('resume')
/** Windows read at once, 1 to 32. */
export const setConcurrencyUpdate = defineUpdate<BackfillProgress, [number]>('setConcurrency')
/** Begins the windows again that stopped; the order as of `resume`. Refused when none has. */
export const retryWindowsUpdate = defineUpdate<BackfillProgress, [BackfillOrderNow?]>('retry')
/** Gives the windows up that stopped. Refused when none has. */
export const skipWindowsUpdate = defineUpdate<BackfillProgress, []>('skip')

/** Events have arrived that a sync wants; with the stored plan of who received them. */
export const eventsSignal = defineSignal<[{ plan: string }]>('events')

/** Gives a token newer than the one that was seen to whoever asks: its version, never itself. One `updateId` for each version. */
export const ensureFreshUpdate = defineUpdate<FreshResult, [FreshRequest]>('ensureFresh')
/** A person has signed in again. */
export const reconnectedSignal = defineSignal<[]>('reconnected')
/** What is known of a connection's tokens. */
export const connectionHealthQuery = defineQuery<ConnectionState>('health')
