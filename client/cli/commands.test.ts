import { expect, it } from 'vitest'
import { commandsFor } from './commands.ts'

const names = async (...args: string[]): Promise<string[]> => (await commandsFor(args)).map((c) => c.name())

it('each command is found under its own name, alone', async () => {
  const all = await names('--help')
  expect(all).toContain('run')
  expect(new Set(all).size).toBe(all.length)
  for (const name of all) expect(await names('--no-color', name, '--json')).toEqual([name])
})

it('what names no command gives all of them, for the help and for the nearest name', async () => {
  const all = await names()
  for (const args of [['help'], ['help', 'run'], ['lst'], ['constructor'], ['-h']]) expect(await names(...args), args.join(' ')).toEqual(all)
  expect(await names('--version')).toEqual([])
})
