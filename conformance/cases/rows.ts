import { rm, truncate, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { IsthmusError } from '../../model/index.ts'
import { check, everyRecordOnce, from, readsOn, stopIs } from '../check.ts'
import type { Bench, Case } from '../types.ts'

const always = (): null => null
const pathOf = ({ running }: Bench): string => join(running.projectDir!, running.stream.file!.path)

/** Databases and files as sources. */
export const ROWS: Case[] = [
  {
    name: 'connection lost', over: ['database'], shows: 'a connection that breaks among the rows loses and doubles none', covers: [], skip: always,
    async run(bench) {
      bench.proxy.fault = from(0, { kind: 'cut', share: 0 })
      const first = await bench.read()
      stopIs(first.result.stop, 'interrupted')
      check(first.keys.length < bench.running.keys.length, () => 'the connection did not break')
      await readsOn(bench, first)
    },
  },
  {
    name: 'database away', over: ['database'], shows: 'a database that does not answer is waited for, and is no empty table', covers: [], skip: always,
    async run(bench) {
      bench.proxy.fault = from(0, { kind: 'break' })
      const first = await bench.read()
      stopIs(first.result.stop, 'interrupted', ['Unreachable', 'Transient'])
      await readsOn(bench, first)
    },
  },
  {
    name: 'all digits', over: ['database', 'file'], shows: 'integers above 2^53 and decimals keep their digits', covers: [31], skip: always,
    async run({ toEnd, running }) {
      const all = await toEnd()
      everyRecordOnce(all.keys, running.keys)
      check(all.bodies.some((b) => b.includes('9007199254740993.10')), () => 'digits were lost')
    },
  },
  {
    name: 'file gone', over: ['file'], shows: 'a file that is not there stops the stream, and is no empty one', covers: [], skip: always,
    async run(bench) {
      await rm(pathOf(bench))
      stopIs((await bench.read()).result.stop, 'refused', ['NotFound'])
    },
  },
  {
    name: 'cut file', over: ['file'], shows: 'a file that ends inside a record is never a short one', covers: [33], skip: always,
    async run(bench) {
      const { size } = await stat(pathOf(bench))
      await truncate(pathOf(bench), size - 7)
      const error: unknown = await bench.toEnd().then((all) => all.result.stop, (e: unknown) => e)
      check(error instanceof IsthmusError && error.type === 'Contract', () => `it ended as ${error instanceof Error ? error.message : JSON.stringify(error)}`)
    },
  },
]
