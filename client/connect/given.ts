import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { IsthmusError } from '../../model/errors.ts'
import type { Environment } from '../../project/index.ts'
import type { Question } from './questions.ts'

/**
 * Answers given on the command line: `name=value`, `name=@file`, `name=env:NAME`. A secret is never taken as it stands there, since the arguments
 * of a process can be read by others. Throws InvalidInput.
 */
export async function givenAnswers(pairs: string[], questions: Question[], env: Environment, dir: string): Promise<Record<string, string>> {
  const answers: Record<string, string> = {}
  for (const pair of pairs) {
    const eq = pair.indexOf('=')
    const name = eq < 0 ? pair : pair.slice(0, eq)
    const question = questions.find((q) => q.name === name)
    if (eq < 0 || !question) {
      throw new IsthmusError('InvalidInput', eq < 0 ? 'a value is missing after =' : `nothing is called "${name.slice(0, 60)}" here`, { field: '--set', cure: `use ${questions.map((q) => `${q.name}=...`).join(', ') || 'no --set: there is nothing to give'}` })
    }
    answers[name] = await valueOf(question, pair.slice(eq + 1), env, dir)
  }
  return answers
}

async function valueOf(question: Question, text: string, env: Environment, dir: string): Promise<string> {
  if (text.startsWith('env:')) {
    const value = env[text.slice(4)]
    if (value) return value
    throw new IsthmusError('MissingEnvironment', `the environment variable ${text.slice(4)} is not set`, { field: `--set ${question.name}`, cure: 'set it, or put it into the file .env of the project' })
  }
  if (text.startsWith('@')) {
    const path = resolve(dir, text.slice(1))
    return readFile(path, 'utf8').then((body) => body.replace(/\r?\n$/, ''), (error: NodeJS.ErrnoException) => {
      throw new IsthmusError('InvalidInput', `the file ${path} cannot be read (${error.code})`, { field: `--set ${question.name}`, cure: 'correct its name' })
    })
  }
  if (!question.secret) return text
  throw new IsthmusError('InvalidInput', `the secret "${question.name}" stands in the command line, where others can read it`, {
    field: '--set', cure: `write --set ${question.name}=env:NAME or --set ${question.name}=@file, or give JSON to --stdin`,
  })
}

/** Answers as a JSON object on standard input. Throws InvalidInput; the text is never shown. */
export async function stdinAnswers(input: AsyncIterable<Buffer | string>, questions: Question[]): Promise<Record<string, string>> {
  let text = ''
  for await (const part of input) text += String(part)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new IsthmusError('InvalidInput', 'standard input holds no JSON', { field: '--stdin', cure: 'give one object: {"name": "value"}' })
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new IsthmusError('InvalidInput', 'standard input holds no JSON object', { field: '--stdin', cure: 'give one object: {"name": "value"}' })
  return Object.fromEntries(
    Object.entries(value).map(([name, answer]) => {
      if (!questions.some((q) => q.name === name)) throw new IsthmusError('InvalidInput', `nothing is called "${name.slice(0, 60)}" here`, { field: '--stdin', cure: `use ${questions.map((q) => q.name).join(', ')}` })
      if (!['string', 'number', 'boolean'].includes(typeof answer)) throw new IsthmusError('InvalidInput', `"${name}" is no text`, { field: '--stdin' })
      return [name, String(answer)]
    }),
  )
}

/** The questions that nothing answers. */
export function missing(questions: Question[], answers: Record<string, string>): Question[] {
  return questions.filter((q) => q.required && (answers[q.name] === undefined || answers[q.name] === ''))
}
