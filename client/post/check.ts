import { rowMapper } from '../../activities/map.ts'
import { createRecordCheck } from '../../destinations/actions/index.ts'
import { parseExact } from '../../model/json/index.ts'
import type { ActionDestination } from '../../model/plan.ts'
import type { LoadedSync } from '../../project/index.ts'
import { openSource } from '../../protocols/source/index.ts'

/** A record that does not fit the action. */
export interface Misfit {
  /** Which record of the file, from 1; lines without one count. */
  record: number
  reason: string
  field: string
}

export interface Checked {
  fits: number
  misfits: number
  /** The first of them. */
  samples: Misfit[]
}

const SAMPLES = 10

/** Maps each staged record as a run will, and looks whether the action can be filled in with it. Sends nothing. */
export async function checkRecords(projectDir: string, { plan, definition }: LoadedSync, signal: AbortSignal): Promise<Checked> {
  const [stream] = plan.streams
  const mapper = rowMapper(stream!, definition.flows[0])
  const check = createRecordCheck((stream!.destination as ActionDestination).action, stream!.columns)
  const found: Checked = { fits: 0, misfits: 0, samples: [] }
  let n = 0
  const reader = openSource({ source: stream!.source, stream: stream!.stream, resolve: String, databaseUrl: '', projectDir })
  await reader.read({
    position: null, since: null, budget: { untilMs: Infinity, bytes: Infinity, requests: Infinity }, token: async () => null, pacer: null, signal,
    onPage: async ({ body, list }) => {
      const records = mapper.parse.revive === false ? list : body.toString('utf8').split('\n').filter((l) => l.trim() !== '').map((l) => parseExact(Buffer.from(l), mapper.parse))
      for (const record of records) {
        n += 1
        const out = { text: '' }
        const verdict = mapper.map(record, out)
        const misfit = verdict === null ? check(out.text.replace(/\n$/, '')) : verdict === 'filtered' ? null : verdict
        if (misfit === null) found.fits += 1
        else {
          found.misfits += 1
          if (found.samples.length < SAMPLES) found.samples.push({ record: n, ...misfit })
        }
      }
    },
  })
  return found
}
