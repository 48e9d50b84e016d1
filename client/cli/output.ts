import { createColors } from 'picocolors'
import { IsthmusError } from '../../model/errors.ts'
import { redactor } from '../../model/redact/index.ts'

export interface Output {
  /** stdout; nothing but results. */
  out(text: string): void
  /** stderr; progress and errors, without secrets. */
  err(text: string): void
  /** One JSON line on stdout. */
  json(value: unknown): void
  color: ReturnType<typeof createColors>
  /** stderr is a terminal: live display is possible. */
  live: boolean
}

/** Colours only on a terminal, and never against NO_COLOR or --no-color. */
export function createOutput(options: { color: boolean } = { color: true }): Output {
  const color = options.color && process.env['NO_COLOR'] === undefined && (process.stdout.isTTY === true || process.env['FORCE_COLOR'] !== undefined)
  return {
    out: (text) => process.stdout.write(`${text}\n`),
    err: (text) => process.stderr.write(`${redactor.text(text)}\n`),
    json: (value) => process.stdout.write(`${JSON.stringify(value)}\n`),
    color: createColors(color),
    live: process.stderr.isTTY === true && process.env['CI'] === undefined,
  }
}

/** Control characters of names and messages from elsewhere never reach a terminal. */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '')
}

/** An address to show to people: user and password of a database stay out of terminals and their logs. */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return '(an address that cannot be shown)'
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

/** `12,345` */
export function n(value: number): string {
  return value.toLocaleString('en-US')
}

/** Exit codes: one meaning each, the same for every command. */
export const EXIT = { ok: 0, failed: 1, refused: 2, rejects: 3, parked: 4, differs: 5, cancelled: 130 } as const

/** What a person (or, with --json, a program) reads of an error; gives the exit code. */
export function showError(output: Output, error: unknown, json: boolean): number {
  const known = error instanceof IsthmusError ? error : null
  const message = redactor.text(known ? known.format() : error instanceof Error ? error.message : String(error))
  if (json) {
    output.json({ outcome: 'refused', error: { type: known?.type ?? 'Error', message: known ? redactor.text(known.message) : message, file: known?.file ?? null, field: known?.field ?? null, cure: known?.cure === undefined ? null : redactor.text(known.cure) } })
  }
  output.err(`${output.color.red('error')} ${plain(message)}`)
  if (!known && process.env['ISTHMUS_DEBUG'] && error instanceof Error) output.err(redactor.text(error.stack ?? ''))
  return EXIT.refused
}

/** Columns of text, the first row as head. */
export function table(rows: string[][], right: number[] = []): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => plain(r[i] ?? '').length)))
  return rows
    .map((r) => r.map((cell, i) => (right.includes(i) ? plain(cell).padStart(widths[i]!) : plain(cell).padEnd(widths[i]!))).join('  ').trimEnd())
    .join('\n')
}
