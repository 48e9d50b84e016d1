import { ApplicationFailure } from '@temporalio/common'
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker'
import type { ErrorType } from '../model/errors.ts'

/** Largest JSON, in bytes, of an activity's arguments or result: records never enter a history. */
export const MAX_PAYLOAD_BYTES = 16 * 1024

const TYPE: ErrorType = 'PayloadTooLarge'

function check(what: string, value: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? '')
  if (bytes > MAX_PAYLOAD_BYTES) throw ApplicationFailure.nonRetryable(`${what} of ${bytes} bytes; the history takes at most ${MAX_PAYLOAD_BYTES}`, TYPE)
}

/** Refuses arguments and results above `MAX_PAYLOAD_BYTES`. */
export class PayloadLimit implements ActivityInboundCallsInterceptor {
  async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
    check('Arguments', input.args)
    const result = await next(input)
    check('A result', result)
    return result
  }
}
