import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Webhook as Standard } from 'standardwebhooks'
import { signedBy, webhook } from '../../connectors/webhook.ts'
import { wanted, webhookSchema, type WebhookInput } from '../../model/webhook.ts'
import { eventsOf, idHeader, verify, type Delivery } from './index.ts'

const secretRef = { env: 'SECRET' }
const of = (input: Omit<WebhookInput, 'name'>) => webhookSchema.parse({ name: 'test', ...input })
const delivery = (body: string | Buffer, headers: Record<string, string | string[]> = {}, url = 'https://hooks.example.com/hooks/test'): Delivery => ({ method: 'POST', url, headers, body: Buffer.from(body as string) })
const check = (hook: ReturnType<typeof of>, request: Delivery, secret: string, now = Date.now()) => verify(hook.verify, request, secret, idHeader(hook, request), now)
const mac = (secret: string | Buffer, text: string, encoding: 'hex' | 'base64') => createHmac('sha256', secret).update(text).digest(encoding)

describe('signatures', () => {
  it("GitHub's example holds, and every changed byte does not", () => {
    const hook = of(signedBy.github(secretRef))
    const headers = { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17', 'x-github-delivery': 'd1' }
    check(hook, delivery('Hello, World!', headers), "It's a Secret to Everybody")
    for (const [body, given, secret] of [
      ['Hello, World', headers['x-hub-signature-256'], "It's a Secret to Everybody"], ['Hello, World!', headers['x-hub-signature-256'], 'another'],
      ['Hello, World!', headers['x-hub-signature-256'].slice(7), "It's a Secret to Everybody"], ['Hello, World!', headers['x-hub-signature-256'].slice(0, -1), "It's a Secret to Everybody"], ['Hello, World!', 'sha256=', "It's a Secret to Everybody"],
    ] as const) expect(() => check(hook, delivery(body, { 'x-hub-signature-256': given }), secret)).toThrow(expect.objectContaining({ type: 'AuthFailed' }))
    expect(() => check(hook, delivery('Hello, World!'), 'x')).toThrow(/missing or wrong/)
    // Which of two counts, nobody knows.
    expect(() => check(hook, delivery('Hello, World!', { 'x-hub-signature-256': [headers['x-hub-signature-256'], 'sha256=00'] }), "It's a Secret to Everybody")).toThrow(/missing or wrong/)
  })

  it("Slack's example holds, within five minutes of its time", () => {
    const hook = of({ verify: { kind: 'hmac', secret: secretRef, header: 'X-Slack-Signature', prefix: 'v0=', signed: 'v0:{timestamp}:{body}', timestamp: { header: 'X-Slack-Request-Timestamp' } } })
    const body = 'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
    const request = delivery(body, { 'x-slack-request-timestamp': '1531420618', 'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503' })
    const secret = '8f742231b10e8888abcd99yyyzzz85a5'
    check(hook, request, secret, 1_531_420_618_000 + 299_000)
    expect(() => check(hook, request, secret, 1_531_420_618_000 + 301_000)).toThrow(/time of the signature/)
    expect(() => check(hook, request, secret, 1_531_420_618_000 - 301_000)).toThrow(/time of the signature/)
    expect(() => check(hook, delivery(body, { ...request.headers, 'x-slack-request-timestamp': '1e3' } as never), secret, 1_000_000)).toThrow(/time of the signature/)
    expect(eventsOf(hook, { ...request, headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } })[0]!.body).toContain('"command":"/webhook-collect"')
  })

  it('takes what the reference library of Standard Webhooks signs, also beside signatures of another secret', () => {
    const hook = of(signedBy.standard(secretRef))
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const body = '{"type":"a.b","n":2432232314}'
    const at = new Date(1_614_265_330_000)
    const signature = new Standard(secret).sign('msg_1', at, body)
    const request = (given: string, id = 'msg_1') => delivery(body, { 'webhook-id': id, 'webhook-timestamp': '1614265330', 'webhook-signature': given })
    for (const given of [signature, `v1,${'A'.repeat(43)}= ${signature}`, `v1a,x ${signature} v2,y`]) check(hook, request(given), secret, at.getTime())
    for (const given of [signature.replace('v1,', 'v2,'), signature.slice(3), '']) expect(() => check(hook, request(given), secret, at.getTime())).toThrow()
    expect(() => check(hook, request(signature, 'msg_2'), secret, at.getTime())).toThrow(/missing or wrong/)
    expect(eventsOf(hook, request(signature))).toEqual([{ id: 'msg_1', type: 'a.b', body }])
  })

  it.each<[string, (secret: typeof secretRef) => Omit<WebhookInput, 'name'>, (body: string) => Record<string, string>]>([
    ['Stripe', signedBy.stripe, (body) => ({ 'stripe-signature': `t=1700000000,v1=${'0'.repeat(64)},v1=${mac('s', `1700000000.${body}`, 'hex')},v0=old` })],
    ['Shopify', signedBy.shopify, (body) => ({ 'x-shopify-hmac-sha256': mac('s', body, 'base64'), 'x-shopify-event-id': 'e1' })],
    ['HubSpot', signedBy.hubspot, (body) => ({ 'x-hubspot-signature-v3': mac('s', `POSThttps://hooks.example.com/hooks/test${body}1700000000000`, 'base64'), 'x-hubspot-request-timestamp': '1700000000000' })],
    ['QuickBooks', signedBy.quickbooks, (body) => ({ 'intuit-signature': mac('s', body, 'base64') })],
    ['GoCardless', signedBy.gocardless, (body) => ({ 'webhook-signature': mac('s', body, 'hex') })],
    ['GitLab', signedBy.gitlab, () => ({ 'x-gitlab-token': 's', 'x-gitlab-event-uuid': 'u' })],
  ])('%s signs as its documentation says', (_name, preset, sign) => {
    const body = '{"id":"é"}'
    const hook = of(preset(secretRef))
    check(hook, delivery(body, sign(body)), 's', 1_700_000_000_000)
    expect(() => check(hook, delivery(body, sign(body)), 't', 1_700_000_000_000)).toThrow(expect.objectContaining({ type: 'AuthFailed' }))
  })
})

describe('events of a request', () => {
  it('are named by their id, or by what they say, and keep their digits', () => {
    const hook = of({ ...signedBy.gocardless(secretRef), type: { path: 'resource.kind' } })
    expect(eventsOf(hook, delivery('{"events":[{"id":12345678901234567890,"resource":{"kind":"mandates"},"amount":0.10},{"id":"EV2"}]}'))).toEqual([
      { id: '12345678901234567890', type: 'mandates', body: '{"id":12345678901234567890,"resource":{"kind":"mandates"},"amount":0.10}' }, { id: 'EV2', type: '', body: '{"id":"EV2"}' },
    ])
    const quickbooks = of(signedBy.quickbooks(secretRef))
    const [a, b, again] = ['{"eventNotifications":[{"realmId":"1"},{"realmId":"2"}]}', '{"eventNotifications":[{"realmId":"1"}]}'].flatMap((body) => eventsOf(quickbooks, delivery(body)))
    expect(a!.id).toBe(again!.id)
    expect(a!.id).not.toBe(b!.id)
  })

  it.each<[string, string | Buffer, RegExp]>([
    ['no JSON', '{"id":', /not JSON/], ['no list', '{"events":{"id":1}}', /no list of events/], ['no id', '{"events":[{"type":"x"}]}', /no id/], ['bytes that are no text', Buffer.from([0x7b, 0xff]), /UTF-8/],
    ['too many', `{"events":[${Array.from({ length: 1_001 }, (_, i) => `{"id":${i}}`).join()}]}`, /more than 1000/], ['nested deeply', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, /deep|nest/],
  ])('with %s are refused', (_name, body, reason) => {
    expect(() => eventsOf(of(signedBy.gocardless(secretRef)), delivery(body))).toThrow(reason)
  })

  it('are wanted by their kind', () => {
    expect(['invoice.paid', 'invoice', 'invoice.', 'x.invoice.paid', 'customer.deleted', ''].map((type) => wanted(['invoice.*', 'customer.*ed'], type))).toEqual([true, false, true, false, true, false])
    expect([wanted([], 'x'), wanted(['*'], ''), wanted(['a*a'], 'a'), wanted(['a**b'], 'axb'), wanted(['*.b.*'], 'a.b.c')]).toEqual([true, true, false, true, true])
  })

  it('can be a stream, whose query holds no text unchecked', () => {
    const ref = webhook({ name: "x'; drop", ...signedBy.stripe(secretRef) }).events('e', { types: ["it's_100%*"], key: ['body.id'] })
    expect(ref.stream.sql!.text).toBe("select seq, event as id, type, received_at, body from isthmus.inbox where webhook = 'x''; drop' and (type like 'it''s\\_100\\%%')")
    expect(ref).toMatchObject({ stream: { name: 'e', key: ['body.id'], incremental: { field: 'seq' } }, on: { types: ["it's_100%*"] } })
  })
})
