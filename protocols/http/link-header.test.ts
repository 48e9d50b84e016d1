import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findLink, parseLinkHeader } from './link-header.ts'

describe('Link header (RFC 8288)', () => {
  it('reads addresses with commas and semicolons, quotes, several relations and empty members', () => {
    const header = '<https://x/a?ids=1,2;3>; title="a, \\"b\\"; <c>"; rel="prev next", ,</rel>;rel=last;rel=next , <p?x=1> ; REL = Start'
    expect(parseLinkHeader(header).map((l) => [l.url, l.rels])).toEqual([
      ['https://x/a?ids=1,2;3', ['prev', 'next']],
      ['/rel', ['last']],
      ['p?x=1', ['start']],
    ])
    expect(findLink(header, 'NEXT')).toBe('https://x/a?ids=1,2;3')
    expect(findLink(header, 'first')).toBeNull()
    expect(findLink(undefined, 'next')).toBeNull()
  })

  it('refuses what could hide a next page', () => {
    for (const bad of ['<https://x/a; rel=next', 'https://x/a; rel=next', '<a>; rel="next', `<${'a'.repeat(9000)}>; rel=next`]) {
      expect(() => findLink(bad, 'next'), bad).toThrow(/Link header/)
    }
  })

  it('takes linear time', () => {
    const started = performance.now()
    for (const c of [' ', ';', ',', '<', '"', '\\', '= ']) {
      try {
        parseLinkHeader(`<a>;${c.repeat(8000 / c.length)}`)
      } catch {
        // Malformed is fine here, slow is not.
      }
    }
    expect(performance.now() - started).toBeLessThan(200)
  })

  it('finds what was written', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/)
    fc.assert(
      fc.property(fc.array(fc.record({ url: fc.webUrl({ withQueryParameters: true }).filter((u) => !u.includes('>')), rel: word }), { minLength: 1, maxLength: 5 }), (links) => {
        const header = links.map((l) => `<${l.url}>; title="x, y"; rel="${l.rel}"`).join(', ')
        expect(parseLinkHeader(header).map((l) => ({ url: l.url, rel: l.rels[0] }))).toEqual(links)
      }),
    )
  })
})
