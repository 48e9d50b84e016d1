import { IsthmusError } from '../../model/index.ts'
import type { Delivery } from '../../protocols/webhook/index.ts'
import { check } from '../check.ts'
import type { HookBench, HookCase, HookSubject } from './types.ts'

const always = (): null => null
const signs = ({ signs: does }: HookSubject): string | null => (does ? null : 'it sends its secret and signs nothing')

/** It is refused as not signed, and nothing of it is kept. */
async function refuses(bench: HookBench, what: string, delivery: Delivery): Promise<void> {
  const error: unknown = await bench.receive(delivery).then(() => null, (e: unknown) => e)
  check(error instanceof IsthmusError && error.type === 'AuthFailed', () => `${what}: ${error === null ? 'it was taken' : String(error)}`)
  check(!error.message.includes(bench.secret), () => `${what}: the error tells the secret`)
  check((await bench.stored()).length === 0, () => `${what}: it was stored`)
}

/** Events that systems send by themselves. */
export const HOOKS: HookCase[] = [
  {
    name: 'signature', shows: 'what is not signed, with another secret, or changed on the way, is refused; what is, is stored', covers: [38], skip: always,
    async run(bench) {
      const { subject: { send, signs: does }, event } = bench
      const header = bench.subject.webhook.verify.header.toLowerCase()
      await refuses(bench, 'another secret', send(event('e1', { secret: 'whsec_c29tZWJvZHkgZWxzZQ==' })))
      const right = send(event('e1'))
      await refuses(bench, 'no signature', { ...right, headers: { ...right.headers, [header]: undefined } })
      await refuses(bench, 'two signatures in two headers', { ...right, headers: { ...right.headers, [header]: [String(right.headers[header]), 'x'] } })
      if (does) await refuses(bench, 'another body', { ...right, body: Buffer.from(right.body.toString().replace('12.50', '99.50')) })
      check((await bench.receive(right)) === 1, () => 'the right one was not taken')
    },
  },
  {
    name: 'written again', shows: 'the bytes are what is signed: a body that was parsed and written again is refused, and digits that are stored are those that came', covers: [38, 31], skip: signs,
    async run(bench) {
      const right = bench.subject.send(bench.event('e1', { amount: '9007199254740993.10' }))
      await refuses(bench, 'written again', { ...right, body: Buffer.from(JSON.stringify(JSON.parse(right.body.toString()))) })
      check((await bench.receive(right)) === 1, () => 'the right one was not taken')
      const [one] = await bench.stored()
      check(one!.body.includes('9007199254740993.10'), () => `stored: ${one!.body}`)
    },
  },
  {
    name: 'replay', shows: 'an old request that is sent again is refused: its time is signed', covers: [38], skip: ({ timed }) => (timed ? null : 'its signature has no time'),
    async run(bench) {
      const { subject: { send }, event } = bench
      for (const minutes of [-6, 6]) await refuses(bench, `${minutes} minutes from now`, send(event('e1', { atMs: Date.now() + minutes * 60_000 })))
      check((await bench.receive(send(event('e1', { atMs: Date.now() - 4 * 60_000 })))) === 1, () => 'one of four minutes ago was not taken')
    },
  },
  {
    name: 'duplicates', shows: 'an event counts once, however often and at how many receivers it arrives', covers: [38], skip: always,
    async run(bench) {
      const { subject: { send }, event } = bench
      const fresh = await Promise.all(Array.from({ length: 20 }, (_, i) => bench.receive(send(event(`e${i % 4}`, { atMs: Date.now() - i })))))
      check(fresh.reduce((a, b) => a + b, 0) === 4, () => `${fresh.join(', ')} were new`)
      const stored = await bench.stored()
      check(stored.length === 4, () => `${stored.length} are stored`)
    },
  },
  {
    name: 'order', shows: 'events are read in the order in which they were received, and one that is late is not behind what was read', covers: [38], skip: always,
    async run(bench) {
      const { subject: { send }, event } = bench
      // The later event comes first.
      const sent = ['e5', 'e2', 'e9', 'e1']
      for (const id of sent) await bench.receive(send(event(id)))
      const order = (await bench.stored()).map(({ body }) => /"e\d"/.exec(body)?.[0].slice(1, -1))
      check(order.join() === sent.join(), () => `read: ${order.join(', ')}`)
      // Many at once: whoever has read up to a number misses none below it.
      await Promise.all(Array.from({ length: 30 }, (_, i) => bench.receive(send(event(`e${i + 10}`)))))
      const stored = await bench.stored()
      check(stored.length === 34, () => `${stored.length} of 34 are stored`)
    },
  },
]
