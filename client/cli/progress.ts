import { createLogUpdate } from 'log-update'
import { formatDuration } from '../../model/duration.ts'
import type { ProgressEvent } from '../handle.ts'
import { n, plain, type Output } from './output.ts'
import { phaseText } from './phase.ts'

const LINE_EVERY_MS = 2_000

/** Shows a run while it works: a live block on a terminal, else a line every two seconds and at each change of phase. */
export class ProgressView {
  readonly #output: Output
  readonly #update: ReturnType<typeof createLogUpdate> | null
  readonly #began = Date.now()
  #lastLine = 0
  #lastText = ''
  #rates = new Map<string, { at: number; read: number; rate: number }>()

  constructor(output: Output) {
    this.#output = output
    this.#update = output.live ? createLogUpdate(process.stderr, { showCursor: true }) : null
  }

  show(event: ProgressEvent): void {
    const lines = event.streams.map((s) => this.#line(s))
    if (this.#update) {
      this.#update([...lines, this.#output.color.dim(formatDuration(Date.now() - this.#began))].join('\n'))
      return
    }
    // Waits are told at once; counts not more often than a person reads.
    const text = event.streams.map((s) => `${s.stream}:${s.phase}:${s.wait?.reason ?? ''}`).join('|')
    if (Date.now() - this.#lastLine < LINE_EVERY_MS && text === this.#lastText) return
    this.#lastLine = Date.now()
    this.#lastText = text
    for (const line of lines) this.#output.err(line)
  }

  done(): void {
    this.#update?.done()
  }

  #line(s: ProgressEvent['streams'][number]): string {
    const c = this.#output.color
    const at = s.at.getTime()
    const before = this.#rates.get(s.stream)
    if (!before) this.#rates.set(s.stream, { at, read: s.counts.read, rate: 0 })
    else if (at - before.at > 500) this.#rates.set(s.stream, { at, read: s.counts.read, rate: ((s.counts.read - before.read) * 1000) / (at - before.at) })
    const rate = this.#rates.get(s.stream)?.rate ?? 0
    const posted = s.counts.inserted + s.counts.updated + s.counts.unchanged + s.counts.deleted
    const parts = [
      `${n(s.counts.pages)} pages`,
      `${n(s.counts.read)} records`,
      `${n(posted)} posted`,
      ...(s.counts.rejected ? [c.yellow(`${n(s.counts.rejected)} rejected`)] : []),
      ...(rate > 0 && s.phase !== 'done' ? [`${n(Math.round(rate))}/s`] : []),
    ]
    const held = s.wait !== null || s.phase === 'parked' || s.phase === 'paused'
    return `${c.bold(plain(s.stream))}  ${parts.join(' · ')}  ${(held ? c.yellow : c.cyan)(phaseText(s, (time) => `${time.slice(11, 19)} UTC`))}`
  }
}
