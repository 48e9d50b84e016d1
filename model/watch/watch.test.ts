import { describe, expect, it } from 'vitest'
import { detect, driftOf, mergeShapes, rejectsNote, shapeOf, volumeNote, type Seen, type StreamWatch } from './index.ts'

const now = new Date('2026-05-01T12:00:00Z')
const ago = (ms: number): Date => new Date(now.getTime() - ms)
const HOUR = 3_600_000
const watch = (given: Partial<StreamWatch>): StreamWatch => ({
  sync: 'acme/invoices', stream: 'invoices', connection: 'acme', run: 'r1', state: 'completed', since: ago(HOUR), errorType: null, message: '', cure: '', targetMs: null,
  lastSuccessAt: ago(HOUR), watermarkAt: null, volume: '', rejects: '', drift: '', driftAt: null, notice: '', noticeAt: null, firstAt: ago(10 * HOUR), rejectsOpen: 0, ...given,
})
const seen = (given: Partial<Seen>): Seen => ({ now, streams: [], accounts: [], targets: null, syncs: null, breakerMs: 300_000, lapseMs: 7 * 86_400_000, ...given })
const prints = (given: Partial<Seen>): string[] => detect(seen(given)).findings.map((f) => f.fingerprint)

describe('problems', () => {
  it('are late streams, by the target that holds now', () => {
    expect(prints({ streams: [watch({ targetMs: 2 * HOUR })] })).toEqual([])
    expect(prints({ streams: [watch({ targetMs: HOUR / 2 })] })).toEqual(['stale acme/invoices/invoices'])
    // The project says more than the last run: another target, none any more, a sync that is gone, one that was never run.
    expect(prints({ streams: [watch({ targetMs: null })], syncs: new Set(['acme/invoices']), targets: new Map([['acme/invoices', new Map([['invoices', HOUR / 2]])]]) })).toHaveLength(1)
    expect(prints({ streams: [watch({ targetMs: 1 })], syncs: new Set(['acme/invoices']), targets: new Map([['acme/invoices', new Map()]]) })).toEqual([])
    expect(prints({ streams: [watch({ targetMs: 1 })], syncs: new Set(), targets: new Map() })).toEqual([])
    expect(prints({ syncs: new Set(['new']), targets: new Map([['new', new Map([['orders', HOUR]])]]) })).toEqual(['stale new/orders'])
    // A file that does not load any more cures nothing: what its last run had holds.
    expect(prints({ streams: [watch({ targetMs: HOUR / 2 })], syncs: new Set(['acme/invoices']), targets: new Map() })).toEqual(['stale acme/invoices/invoices'])
    expect(detect(seen({ streams: [watch({ targetMs: HOUR, lastSuccessAt: null })] })).findings[0]).toMatchObject({ severity: 'error', since: ago(9 * HOUR), what: expect.stringContaining('has not completed') })
  })

  it('are those of tenants, too, by what the sync says for all of them', () => {
    const north = watch({ sync: 'acme/invoices@north', connection: 'acme@north' })
    const project = { syncs: new Set(['acme/invoices']), targets: new Map([['acme/invoices', new Map([['invoices', HOUR / 2]])]]) }
    // That the sync was not run without a tenant is no problem.
    expect(prints({ ...project, streams: [north] })).toEqual(['stale acme/invoices@north/invoices'])
    expect(prints({ ...project, streams: [{ ...north, lastSuccessAt: now, state: 'failed', errorType: 'Contract', volume: 'read 1' }] })).toEqual(['volume acme/invoices@north/invoices', 'stopped acme/invoices@north/invoices Contract'])
    expect(prints({ syncs: new Set(), targets: new Map(), streams: [north] })).toEqual([])
  })

  it('are streams that stopped; one that tries again is neither cured nor new', () => {
    const parked = watch({ state: 'parked', errorType: 'AuthFailed', message: 'the key was refused', cure: 'correct ACME_KEY' })
    expect(detect(seen({ streams: [parked] }))).toMatchObject({ findings: [{ fingerprint: 'stopped acme/invoices/invoices AuthFailed', cure: expect.stringContaining('isthmus retry acme/invoices') }], held: [] })
    expect(detect(seen({ streams: [{ ...parked, state: 'running' }] }))).toMatchObject({ findings: [], held: ['stopped acme/invoices/invoices AuthFailed'] })
    expect(detect(seen({ streams: [{ ...parked, state: 'completed', errorType: null }] }))).toMatchObject({ findings: [], held: [] })
  })

  it('are accounts that need a person, have not answered for long, or end soon', () => {
    const at = (ms: number): Date => new Date(now.getTime() + ms)
    const account = { connection: 'crm', reconnect: null, breaker: null, lapses: null }
    expect(prints({ accounts: [{ ...account, reconnect: { reason: 'refused', since: ago(1) } }] })).toEqual(['reconnect crm'])
    expect(prints({ accounts: [{ ...account, breaker: { reason: '503', since: ago(299_000) } }] })).toEqual([])
    expect(prints({ accounts: [{ ...account, breaker: { reason: '503', since: ago(301_000) } }] })).toEqual(['breaker crm'])
    expect(prints({ accounts: [{ ...account, lapses: { what: 'the certificate', at: at(8 * 86_400_000) } }] })).toEqual([])
    expect(detect(seen({ accounts: [{ ...account, lapses: { what: 'the certificate', at: at(86_400_000) } }] })).findings).toMatchObject([{ severity: 'warning' }])
    expect(detect(seen({ accounts: [{ ...account, lapses: { what: 'the certificate', at: ago(1) } }] })).findings).toMatchObject([{ severity: 'error' }])
  })
})

describe('what is unusual', () => {
  const runs = (...reads: number[]): { read: number; rejected: number }[] => reads.map((read) => ({ read, rejected: 0 }))
  const usual = runs(1_000, 1_100, 900, 1_050, 950)

  it('is a volume far from the median, outside of what was seen, and no noise', () => {
    expect(volumeNote({ read: 200, rejected: 0 }, usual)).toContain('usual are 1000')
    expect(volumeNote({ read: 0, rejected: 0 }, usual)).not.toBe('')
    expect(volumeNote({ read: 5_000, rejected: 0 }, usual)).not.toBe('')
    expect(volumeNote({ read: 300, rejected: 0 }, usual)).toBe('')
    expect(volumeNote({ read: 0, rejected: 0 }, usual.slice(0, 4))).toBe('')
    expect(volumeNote({ read: 0, rejected: 0 }, runs(10, 12, 9, 11, 10))).toBe('')
    expect(volumeNote({ read: 0, rejected: 0 }, runs(0, 1_000, 1_000, 1_000, 1_000))).toBe('')
    expect(volumeNote({ read: 800, rejected: 0 }, runs(0, 0, 3, 0, 1))).toBe('')
  })

  it('is a share of rejects that has jumped', () => {
    expect(rejectsNote({ read: 1_000, rejected: 100 }, usual)).toContain('10.0 %')
    expect(rejectsNote({ read: 1_000, rejected: 9 }, usual)).toBe('')
    expect(rejectsNote({ read: 1_000, rejected: 110 }, [{ read: 1_000, rejected: 100 }])).toBe('')
  })

  it('is another form of the records, and not a field that only some have', () => {
    const many = (record: Record<string, unknown>): Record<string, unknown>[] => Array.from({ length: 30 }, () => ({ ...record }))
    const before = mergeShapes(shapeOf(many({ id: 1, name: 'a', rare: null })), shapeOf([{ id: 2, name: null, extra: 1 }]))
    expect(driftOf(before, shapeOf(many({ id: 3, name: 'b', rare: 'x' })))).toBe('')
    expect(driftOf(before, shapeOf(many({ id: '3', title: 'b' })))).toBe('a field changed its type: id (was number, is string); a field vanished: name; a field appeared: title')
    expect(driftOf(before, shapeOf([{ id: '3' }]))).toBe('')
    expect(driftOf(before, shapeOf(many(JSON.parse('{"id":1,"name":"x","__proto__":{"a":1},"constructor":2}') as Record<string, unknown>)))).toContain('constructor')
    expect(shapeOf([JSON.parse('{"__proto__":{"a":1}}')]).fields).not.toHaveProperty('a')
  })
})
