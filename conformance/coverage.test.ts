import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { misbehaviours } from './coverage.ts'

test('each of the forty has a case, or says where it is shown instead', () => {
  const all = misbehaviours()
  expect(all).toHaveLength(40)
  expect(all.filter((m) => m.cases.length === 0 && m.instead === '').map((m) => m.number)).toEqual([])
  expect(all.filter((m) => m.cases.length > 0 && m.instead !== '').map((m) => m.number)).toEqual([])
  const files = all.flatMap((m) => m.instead.match(/[\w/-]+\.(?:test\.ts|md)/g) ?? [])
  expect(files.filter((file) => !existsSync(file))).toEqual([])
})
