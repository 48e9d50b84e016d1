import { lookup } from 'node:dns/promises'
import { IsthmusError } from '../../model/errors.ts'
import { redactor } from '../../model/redact/index.ts'
import type { EnvRef } from '../../model/value.ts'
import type { Alert } from '../../model/watch/index.ts'
import type { AlertSink } from '../../project/index.ts'
import { classOfAddress, type AddressClass } from '../../protocols/http/guard/index.ts'
import { details, headline } from './message.ts'

const TIMEOUT_MS = 15_000
const NEAR: AddressClass[] = ['loopback', 'private', 'shared']

/** Sends an alert by e-mail. Its message id is the same for every try, so that mailboxes show it once. Credentials are sent over TLS only, but in your own network. */
export async function sendEmail(sink: Extract<AlertSink, { kind: 'email' }>, alert: Alert, resolve: (ref: EnvRef) => string): Promise<void> {
  const server = serverOf(resolve(sink.smtp))
  const host = await addressOf(server.host, sink.privateNetwork)
  // Loaded when there is something to send: most processes send none.
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({
    host, port: server.port, secure: server.secure,
    ...(server.user !== '' && { auth: { user: server.user, pass: server.password } }),
    requireTLS: server.user !== '' && !server.secure && !sink.privateNetwork,
    tls: { servername: server.host },
    connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS,
  })
  try {
    await transport.sendMail({
      from: sink.from, to: sink.to, subject: `[Isthmus] ${headline(alert)}`.replace(/\s+/g, ' ').slice(0, 200), text: `${[headline(alert), '', ...details(alert)].join('\n')}\n`,
      messageId: `<isthmus-alert-${alert.id}.${alert.createdAt.getTime()}@${sink.from.split('@').at(-1)!.replace(/[^\w.-]/g, '')}>`,
    })
  } catch (error) {
    const { code, responseCode, message } = error as { code?: string; responseCode?: number; message: string }
    throw new IsthmusError(code === 'EAUTH' ? 'AuthFailed' : 'Transient', `the mail server ${server.host} did not take it: ${responseCode ?? code ?? ''} ${redactor.text(message)}`.slice(0, 300))
  } finally {
    transport.close()
  }
}

function serverOf(address: string): { host: string; port: number; secure: boolean; user: string; password: string } {
  redactor.add(address)
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url || !/^smtps?:$/.test(url.protocol) || url.hostname === '') throw new IsthmusError('InvalidInput', 'the address of the mail server is none', { cure: 'write it as smtps://user:password@host, or smtp://user:password@host:587' })
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)]
  if (password !== '') redactor.add(password)
  const secure = url.protocol === 'smtps:'
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (secure ? 465 : 587), secure, user, password }
}

/** The address that is called: what was checked is what is connected to. */
async function addressOf(host: string, privateNetwork: boolean): Promise<string> {
  const found = await lookup(host, { all: true }).catch(() => {
    throw new IsthmusError('Unreachable', `the mail server ${host} is not known to the name service`)
  })
  const refused = found.find(({ address }) => {
    const kind = classOfAddress(address)
    return kind !== 'public' && !(privateNetwork && NEAR.includes(kind))
  })
  if (refused || !found[0]) throw new IsthmusError('BlockedAddress', `the mail server ${host} leads to an address that is not public`, { cure: 'set `privateNetwork: true` on the alert if it really runs in your own network' })
  return found[0].address
}
