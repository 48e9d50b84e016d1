import type { z } from 'zod'
import { IsthmusError } from '../../model/errors.ts'
import { useOneOf } from '../../project/index.ts'

/** One thing that has to be known for a connection. */
export interface Question {
  name: string
  /** Shown to a person. */
  text: string
  secret: boolean
  required: boolean
  /** '' when there is none. */
  initial: string
  /** The only values allowed; [] for any. */
  choices: string[]
}

interface Def {
  type: string
  innerType?: z.ZodType
  defaultValue?: unknown
  entries?: Record<string, string>
}

/** What a zod object asks for. Fields are texts, numbers, booleans and enums. */
export function questionsOf(schema: z.ZodObject, secret: boolean): Question[] {
  return Object.entries(schema.shape).map(([name, given]) => {
    let type = given as z.ZodType
    let text = type.description
    let required = true
    let initial = ''
    for (let def = type._zod.def as unknown as Def; def.innerType; def = type._zod.def as unknown as Def) {
      if (def.type === 'optional' || def.type === 'nullable' || def.type === 'default' || def.type === 'prefault') required = false
      if (def.defaultValue !== undefined) initial = String(def.defaultValue)
      type = def.innerType
      text ??= type.description
    }
    const { entries } = type._zod.def as unknown as Def
    return { name, text: text ?? name, secret, required, initial, choices: entries ? Object.values(entries) : [] }
  })
}

/** The answers over those that are stored, as the schema wants them, as texts. Throws InvalidInput naming the field. */
export function checkAnswers(schema: z.ZodObject, stored: Record<string, string> | undefined, given: Record<string, string> | undefined, what: 'setting' | 'credential'): Record<string, string> {
  const known = Object.keys(schema.shape)
  // One that is stored may have left the connector since; one that is given is a slip of the pen.
  const unknown = Object.keys(given ?? {}).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new IsthmusError('InvalidInput', `there is no ${what} "${unknown}"`, { field: unknown, cure: known.length > 0 ? useOneOf(unknown, known) : 'leave it out: none is needed' })
  const answers: Record<string, string> = { ...stored, ...given }
  const result = schema.safeParse(answers)
  if (!result.success) {
    const [issue] = result.error.issues
    const name = String(issue?.path[0] ?? '')
    if (answers[name] === undefined) throw new IsthmusError('InvalidInput', `the ${what} "${name}" is missing`, { field: name, cure: `give it: ${what}s: { ${name}: ... }, or --set ${name}=...` })
    // The message of zod may quote the value, which may be a secret.
    const reason = what === 'setting' ? (issue?.message ?? 'is not right') : 'does not have the form it needs'
    throw new IsthmusError('InvalidInput', `the ${what} "${name}" is not right: ${reason}`, { field: name, cure: `give another value: ${what}s: { ${name}: ... }, or --set ${name}=...` })
  }
  return Object.fromEntries(Object.entries(result.data).filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => [name, String(value)]))
}
