import type { Question } from '../connect/index.ts'

/** A person sits at this terminal and can answer. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Loaded when somebody is asked: most commands ask nothing. */
const prompts = () => import('@inquirer/prompts')
const STREAMS = { output: process.stderr }

/** Asks for one answer; a secret is not shown while it is typed. */
export async function ask(question: Question, initial: string): Promise<string> {
  const { input, password, select } = await prompts()
  const message = `${question.text}:`
  if (question.choices.length > 0) {
    return select({ message, choices: question.choices.map((value) => ({ value })), default: initial || question.initial || question.choices[0]! }, STREAMS)
  }
  const validate = (text: string): boolean | string => text !== '' || !question.required || 'this is needed'
  if (question.secret) return password({ message, mask: '*', validate }, STREAMS)
  return input({ message, ...((initial || question.initial) && { default: initial || question.initial }), validate }, STREAMS)
}

/** Asks which of several. */
export async function choose(message: string, choices: { value: string; name: string }[]): Promise<string> {
  return (await prompts()).select({ message, choices }, STREAMS)
}

/** Yes or no; no by default. */
export async function confirmed(message: string): Promise<boolean> {
  return (await (await prompts()).input({ message: `${message} Type yes:` }, STREAMS)) === 'yes'
}
