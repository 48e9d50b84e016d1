import { createHash } from 'node:crypto'
import { IsthmusError, pathKeys } from '../../model/index.ts'
import { ExactNumber, jsonText, parseExact, stringifyExact } from '../../model/json/index.ts'
import type { InboxEvent, Webhook } from '../../model/webhook.ts'
import { headerOf, type Delivery } from './verify.ts'

const MAX_ID = 500
/** Events of one request. */
const MAX_EVENTS = 1_000

/**
 * The events of a request: JSON, with all digits of its numbers, or a form. An event without an id of its own is named by what it says, so that the
 * same one sent again is the same. Throws Contract or PageTooLarge when the body is none of both, or does not have what the webhook says.
 */
export function eventsOf(webhook: Webhook, delivery: Delivery): InboxEvent[] {
  const body = parse(delivery)
  const list = webhook.events === null ? [body] : at(body, webhook.events)
  if (!Array.isArray(list)) throw new IsthmusError('Contract', `there is no list of events at ${pathKeys(webhook.events!).join('.') || 'the top'}`, { field: 'events' })
  if (list.length > MAX_EVENTS) throw new IsthmusError('Contract', `the request holds more than ${MAX_EVENTS} events`, { field: 'events' })
  return list.map((event) => {
    const text = stringifyExact(event)
    return { id: named(webhook.id, delivery, event, webhook.events !== null) ?? createHash('sha256').update(text).digest('hex'), type: said(webhook.type, delivery, event) ?? '', body: text }
  })
}

/** The id where it stands in a header; '' where it does not. */
export function idHeader({ id }: Webhook, delivery: Delivery): string {
  return id && 'header' in id ? headerOf(delivery, id.header) : ''
}

/** A header names the request: of several events in it each needs more than that. */
function named(place: Webhook['id'], delivery: Delivery, event: unknown, several: boolean): string | null {
  const id = said(place, delivery, event)
  if (place !== null && id === null) throw new IsthmusError('Contract', `an event has no id (${'header' in place ? place.header : pathKeys(place.path).join('.')})`, { field: 'id' })
  return id !== null && several && place !== null && 'header' in place ? `${id} ${createHash('sha256').update(stringifyExact(event)).digest('hex').slice(0, 16)}` : id
}

function said(place: Webhook['id'], delivery: Delivery, event: unknown): string | null {
  if (place === null) return null
  const value = 'header' in place ? headerOf(delivery, place.header) : at(event, place.path)
  if (value === '' || value === null || value === undefined || (typeof value === 'object' && !(value instanceof ExactNumber))) return null
  return jsonText(value).slice(0, MAX_ID)
}

function at(value: unknown, path: Webhook['events']): unknown {
  return pathKeys(path!).reduce<unknown>((inner, key) => (inner !== null && typeof inner === 'object' && Object.hasOwn(inner, key) ? (inner as Record<string, unknown>)[key] : undefined), value)
}

function parse({ headers, body }: Delivery): unknown {
  const type = (headerOf({ headers }, 'content-type').split(';')[0] ?? '').trim().toLowerCase()
  if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(body.toString('utf8')))
  return parseExact(body)
}
