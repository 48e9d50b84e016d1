import type { Alert } from '../../model/watch/index.ts'
import { resolver, type AlertSink, type Environment } from '../../project/index.ts'
import { sendEmail } from './email.ts'
import { sendHttp, sendSlack } from './post.ts'

export { signature } from './post.ts'

/** Sends one alert to one sink; ends within half a minute. Throws IsthmusError, without secrets. */
export async function sendAlert(sink: AlertSink, alert: Alert, environment: Environment, signal: AbortSignal): Promise<void> {
  const resolve = resolver(environment)
  switch (sink.kind) {
    case 'slack':
      return sendSlack(sink, alert, resolve, signal)
    case 'http':
      return sendHttp(sink, alert, resolve, signal)
    case 'email':
      return sendEmail(sink, alert, resolve)
  }
}
