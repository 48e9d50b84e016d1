import { createLogUpdate } from 'log-update'
import { formatDuration } from '../../../model/duration.ts'
import type { BackfillProgress } from '../../../model/backfill.ts'
import { momentText, type BackfillEstimate, type BackfillEvent } from '../../backfill/index.ts'
import { n, plain, type Output } from '../output.ts'

const LINE_EVERY_MS = 5_000

/** How a backfill stands, in one line. */
export function headline(p: BackfillProgress, output: Output): string {
  const c = output.color
  const { windows } = p
  const share = windows.total === 0 ? 100 : Math.floor((100 * (windows.done + windows.skipped)) / windows.total)
  const phase = p.phase === 'completed' ? c.green(p.phase) : p.phase === 'failed' ? c.red(p.phase) : p.phase === 'working' ? c.cyan(p.phase) : c.yellow(p.phase)
  return [
    `${phase}  ${n(windows.done)} of ${n(windows.total)} windows (${share} %)`, `${n(p.counts.read)} records`,
    ...(p.counts.rejected > 0 ? [c.yellow(`${n(p.counts.rejected)} rejected`)] : []), ...(windows.skipped > 0 ? [c.yellow(`${n(windows.skipped)} given up`)] : []),
    ...(windows.stopped > 0 ? [c.red(`${n(windows.stopped)} stopped`)] : []), ...(p.rate !== null ? [`${n(Math.round(p.rate))}/s`] : []),
    ...(p.eta ? [`ends about ${p.eta.slice(0, 16).replace('T', ' ')} UTC`] : []),
    ...(p.wait ? [c.yellow(`${plain(p.wait.reason)}${p.wait.until ? `, until ${p.wait.until.slice(11, 19)} UTC` : ''}`)] : []),
  ].join(' · ')
}

/** Windows that stopped, each with its reason and cure. */
export function stoppedLines(p: BackfillProgress, output: Output): string[] {
  return p.stopped.map((w) => output.color.red(`  ${plain(w.stream)} ${momentText(w.from)} up to ${momentText(w.to)}: ${[w.error.field, plain(w.error.message)].filter(Boolean).join(': ')}${w.error.cure ? `. Cure: ${plain(w.error.cure)}` : ''}`))
}

/** Shows a backfill while it works: a live block with its windows on a terminal, else a line every five seconds and at each change of phase. */
export class BackfillView {
  readonly #output: Output
  readonly #update: ReturnType<typeof createLogUpdate> | null
  #lastLine = 0
  #lastPhase = ''

  constructor(output: Output) {
    this.#output = output
    this.#update = output.live ? createLogUpdate(process.stderr, { showCursor: true }) : null
  }

  show(event: BackfillEvent): void {
    const { dim } = this.#output.color
    const head = headline(event, this.#output)
    if (this.#update) {
      const windows = event.open.map((w) => {
        const live = event.live.find((l) => l.workflowId === w.workflowId)
        const what = live ? `${n(live.counts.read)} records · ${live.wait ? plain(live.wait.reason) : live.phase}` : 'starting'
        return `  ${plain(w.stream)} ${momentText(w.from)} up to ${momentText(w.to)}  ${what}${w.attempt > 1 ? ` · try ${w.attempt}` : ''}`
      })
      this.#update([head, ...windows, ...stoppedLines(event, this.#output), dim('Ctrl-C leaves; the backfill goes on')].join('\n'))
      return
    }
    if (Date.now() - this.#lastLine < LINE_EVERY_MS && event.phase === this.#lastPhase) return
    this.#lastLine = Date.now()
    this.#lastPhase = event.phase
    this.#output.err(head)
  }

  done(): void {
    this.#update?.done()
  }
}

/** What a backfill will cost, for a person. */
export function showEstimate(e: BackfillEstimate, output: Output): void {
  const { spec } = e
  const about = e.atLeast ? 'at least' : 'about'
  const count = (value: number | null, what: string): string => (value === null ? `${what} not known` : `${about} ${n(value)} ${what}`)
  output.err(`${output.color.bold(`${momentText(spec.from)} up to ${momentText(spec.to)}`)} (excluded), ${formatDuration(spec.windowMs)} a window, ${spec.order} first, ${e.concurrency} at once`)
  output.err(`${n(e.windows)} windows, ${count(e.records, 'records')}, ${count(e.calls, 'calls')}${e.seconds === null ? '' : `, ${about} ${formatDuration(e.seconds * 1000)}`}`)
  for (const s of e.streams) output.err(output.color.dim(`  ${plain(s.stream)}: ${n(s.windows)} windows, ${s.sampled === 0 ? 'nothing looked at' : `${s.sampled} looked at`}${s.records === null ? '' : `, ${n(s.records)} records`}${s.calls === null ? '' : `, ${n(s.calls)} calls`}`))
  for (const w of e.warnings) output.err(`${output.color.yellow('note')} ${plain(w)}`)
}
