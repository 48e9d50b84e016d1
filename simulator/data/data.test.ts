import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Collection } from './collection.ts'
import { Dataset } from './dataset.ts'
import { firstStampAt, isoMicros, parseTimeUs, updateUs } from './time.ts'
import { COLLECTIONS } from './types.ts'

const ALL = { sinceUs: null, beforeUs: null }
const set = (seed: number, n = 1000, poisonEvery = 0) => new Dataset({ seed, customers: n, tieGroup: 3, poisonEvery }, { customers: n, invoices: n, transactions: n })

describe('records', () => {
  it('are a pure function of seed and index', () => {
    for (const name of COLLECTIONS) {
      const one = set(7)
      const backwards = Array.from({ length: 100 }, (_, i) => one.record(name, 99 - i)).reverse()
      const other = set(7)
      expect(Array.from({ length: 100 }, (_, i) => other.record(name, i))).toEqual(backwards)
      expect(set(8).record(name, 5)).not.toEqual(one.record(name, 5))
    }
  })

  it('are valid JSON at any seed and index, with the fields and forms that loaders trip over', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 9_999_999 }), (seed, i) => {
        const data = new Dataset({ seed, customers: 2000, tieGroup: 1, poisonEvery: 0 }, { customers: 1e7, invoices: 1e7, transactions: 1e7 })
        for (const name of COLLECTIONS) {
          const text = data.record(name, i)!
          const value = JSON.parse(text) as Record<string, unknown>
          expect(text).toMatch(/"amount":(-?\d+\.\d\d|null),/)
          expect(BigInt(/"ledgerNo":(\d+)/.exec(text)![1]!) > 2n ** 53n).toBe(true)
          expect(value['updated_at']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
          expect(Array.isArray(value['tags'] ?? value['lines'])).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('hold zeros at the end, amounts beyond a double, nulls, empty lists, negative amounts, escapes and dates without zone', () => {
    const data = set(1, 5000)
    const all = Array.from({ length: 5000 }, (_, i) => data.record('transactions', i)!).join('\n')
    for (const shape of [/"amount":\d+\.\d0,/, /"amount":9\d{15}\.\d\d,/, /"amount":-/, /"memo":null/, /"tags":\[\]/, /\\u0141/, /ü/, /\\"/, /"entered_at":"[^"Z+]{19}"/, /"booked_at":"[^"]{19}-05:00"/, /"booked_at":"[^"]{19}Z"/]) expect(all).toMatch(shape)
    expect(all.length / 5000).toBeGreaterThan(380)
    expect(all.length / 5000).toBeLessThan(450)
  })

  it('agree across collections: a transaction names its customer as the customer does', () => {
    const data = set(3)
    const txn = JSON.parse(data.record('transactions', 10)!) as { customer: { id: number; name: string } }
    const customer = JSON.parse(data.record('customers', txn.customer.id - 1_000_001)!) as { id: number; name: string }
    expect(customer).toMatchObject(txn.customer)
  })

  it('sum up: an invoice is its lines and tax', () => {
    const invoice = JSON.parse(set(3).record('invoices', 4)!) as { amount: number; tax: number; lines: { quantity: number; price: number }[] }
    const cents = invoice.lines.reduce((sum, l) => sum + l.quantity * Math.round(l.price * 100), 0)
    expect(Math.round(invoice.amount * 100)).toBe(cents + Math.round(invoice.tax * 100))
  })

  it('carry poison where asked', () => {
    const data = set(1, 100, 10)
    for (const name of COLLECTIONS) {
      const bad = Array.from({ length: 100 }, (_, i) => i).filter((i) => data.record(name, i)!.includes('"amount":"n/a"'))
      expect(bad).toEqual([9, 19, 29, 39, 49, 59, 69, 79, 89, 99])
    }
  })
})

describe('updated_at', () => {
  it('grows with the place, in tie groups, and can be solved for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000_000 }), fc.integer({ min: 1, max: 1000 }), (stamp, tie) => {
        const us = updateUs(stamp, tie)
        const first = firstStampAt(us, tie)
        expect(first <= stamp && stamp - first < tie).toBe(true)
        expect(firstStampAt(us + 1, tie)).toBe(first + tie)
        expect(parseTimeUs(isoMicros(us))).toBe(us)
      }),
    )
  })

  it.each([
    ['2024-01-01', 1_704_067_200_000_000],
    ['2024-01-01T01:00:00+01:00', 1_704_067_200_000_000],
    ['2024-01-01T00:00:00.5', 1_704_067_200_500_000],
    ['2024-01-01T00:00:00.123456789Z', 1_704_067_200_123_457],
    ['1704067200', 1_704_067_200_000_000],
    ['1704067200000', 1_704_067_200_000_000],
    ['yesterday', null],
    ['2024-13-01', null],
    ['2024-01-01T00:00:00 01:00', null],
  ])('reads %s', (text, us) => expect(parseTimeUs(text)).toBe(us))
})

describe('a collection', () => {
  it('behaves as a list would, whatever is done to it', () => {
    const step = fc.tuple(fc.constantFrom('append', 'insertAtFront', 'deleteFirst', 'touch'), fc.integer({ min: 1, max: 12 }))
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20 }), fc.array(step, { maxLength: 12 }), fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 30 }), (n, steps, from, count, since) => {
        const real = new Collection(n, 1)
        let list = Array.from({ length: n }, (_, i) => ({ index: i, stamp: i, revision: 0 }))
        let index = n
        let stamp = n
        const fresh = (k: number) => Array.from({ length: k }, () => ({ index: index++, stamp: stamp++, revision: 0 }))
        for (const [name, k] of steps as ['append' | 'insertAtFront' | 'deleteFirst' | 'touch', number][]) {
          real[name](k)
          if (name === 'append') list.push(...fresh(k))
          else if (name === 'insertAtFront') list = [...fresh(k), ...list]
          else {
            const taken = list.splice(0, k)
            if (name === 'touch') list.push(...taken.map((r) => ({ index: r.index, stamp: stamp++, revision: r.revision + 1 })))
          }
        }
        const sinceUs = updateUs(since, 1)
        for (const [between, want] of [[ALL, list], [{ sinceUs, beforeUs: null }, list.filter((r) => r.stamp >= since)], [{ sinceUs: null, beforeUs: sinceUs }, list.filter((r) => r.stamp < since)]] as const) {
          const got = real.slice(between, from, count).flatMap((s) => Array.from({ length: s.count }, (_, i) => ({ index: s.index + i, stamp: s.stamp + i, revision: s.revision })))
          expect(got).toEqual(want.slice(from, from + count))
          expect(real.total(between)).toBe(want.length)
          want.forEach((r, i) => expect(real.after(between, r.stamp)).toBe(i + 1))
        }
        for (const r of list) expect(real.find(r.index)).toMatchObject(r)
      }),
      { numRuns: 200 },
    )
  })
})
