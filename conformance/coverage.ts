import { ACTING, CASES, HOOKS } from './run.ts'

/** One of forty ways in which real APIs misbehave, with where it was reported in the project's notes on systems. */
export interface Misbehaviour {
  number: number
  what: string
  /** Names of the cases about it. */
  cases: string[]
  /** Without a case: the subject that always meets it, the test that shows it, or why it is not applicable. */
  instead: string
}

/** What they are; after `|` where there is no case for one. */
const FORTY = [
  'a search ends at 10,000 records | every case over rest-windows: its search gives 10 at most',
  'more records than a window takes share one moment | `split` of a window: protocols/rest/layers.test.ts',
  'a locator dies with its session',
  'a locator is not known any more',
  'a query that timed out is a success without records',
  'a quota told as 403',
  'a locator that is the text "null" | every case over rest-cursor-header: it ends so',
  'a version that is retired',
  'too many calls told as a wrong login',
  'one limit told in three shapes',
  'dates in the form of a user\'s preference | not applicable: no double knows a user; the connector netsuite has dates written as ISO by its queries',
  'a repeated key answered with 409',
  'a key used again with other values',
  'two refreshes of one token',
  'an error where the token should be',
  'two shapes of errors in one API | `errors` of a source name as many as there are: protocols/rest/requests.test.ts',
  'a failure inside a 200',
  'data that changes while it is paged through',
  'a cursor that belongs to another token',
  'a throttle in a 200',
  'data beside errors',
  'Retry-After as a date',
  'a reset in seconds, milliseconds, or a while',
  'a limit without a hint, or told as 401 or 503',
  'a limit known by its reason alone | `errors` of a source say so (protocols/rest/requests.test.ts); no connector of the catalogue needs it',
  'an empty page with a next one',
  'a next page that never ends',
  'offset pages that shift while records change | not applicable: no reader can tell it from the pages; docs/deletes.md says what follows',
  'rows behind the watermark | `overlap` of an increment: test/integration/sync.test.ts',
  'lists that are late | `lag` of a window, `overlap` of an increment: protocols/rest/layers.test.ts',
  'integers above 2^53, and decimals',
  'a byte order mark, NaN',
  'a body cut short',
  'one element is no list',
  'another character set',
  'a redirect to another host',
  'a token against forgery and its cookie',
  'webhooks twice, late, out of order, forged',
  'no JSON where it was expected',
  'a history of changes that is gone | not applicable: there is no source that reads a log of changes (slots, binlogs)',
]

/** All forty, with the cases that are about them. */
export function misbehaviours(): Misbehaviour[] {
  const cases = [...CASES, ...ACTING, ...HOOKS]
  return FORTY.map((text, i) => {
    const [what, instead = ''] = text.split(' | ') as [string, string?]
    return { number: i + 1, what, instead, cases: [...new Set(cases.filter((c) => c.covers.includes(i + 1)).map((c) => c.name))] }
  })
}
