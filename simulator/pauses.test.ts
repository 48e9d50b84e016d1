import { expect, it } from 'vitest'
import { parseOptions } from './options.ts'
import { Sink } from './sink/sink.ts'
import { Recorder } from './stats.ts'

it('a caller that waits from the first byte of the answer has waited long enough, however long the answer took to leave', () => {
  const config = parseOptions({ retryAfterGraceMs: 0 })
  const recorder = new Recorder(config, new Sink(config))
  let heard = 0
  recorder.announced(1_000, () => {
    heard = performance.now()
    while (performance.now() < heard + 20);
  })
  recorder.dataRequest(heard + 990)
  expect(recorder.snapshot().requestsDuringRetryAfter).toBe(1)
  recorder.dataRequest(heard + 1_000)
  expect(recorder.snapshot().requestsDuringRetryAfter).toBe(1)
})
