import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { IsthmusError } from '../model/errors.ts'
import type { Plan, StreamPlan } from '../model/plan.ts'
import type { EnvRef, StoredValues, Value } from '../model/value.ts'

export type Environment = Record<string, string | undefined>

/** The process environment over the project's `.env` (what is set for the process wins, as with dotenv). */
export function projectEnvironment(projectDir: string, processEnv: Environment = process.env): Environment {
  const file = join(projectDir, '.env')
  return existsSync(file) ? { ...parseEnv(readFileSync(file, 'utf8')), ...processEnv } : { ...processEnv }
}

export const isEnvRef = (value: unknown): value is EnvRef =>
  value !== null && typeof value === 'object' && Object.keys(value).length === 1 && typeof (value as EnvRef).env === 'string'

/** Every `env('NAME')` in a part of a plan, with the field it stands in. */
export function envRefs(part: unknown, field: string): { name: string; field: string }[] {
  if (isEnvRef(part)) return [{ name: part.env, field }]
  if (part === null || typeof part !== 'object') return []
  return Object.entries(part).flatMap(([key, value]) => envRefs(value, field ? `${field}.${key}` : key))
}

/** References of one stream of a plan, named as they stand in the sync's file. */
export function streamEnvRefs(stream: StreamPlan): { name: string; field: string }[] {
  const { name: _name, ...rest } = stream.stream
  return [...envRefs(stream.source, 'from'), ...envRefs(rest, 'from.stream'), ...envRefs(destinationRefs(stream), 'to')]
}

/** What of a destination may refer to the environment, named as it stands in the sync's file. */
export function destinationRefs({ destination }: StreamPlan): unknown {
  return destination.kind === 'postgres' ? { url: destination.url } : destination.source
}

/** The values a plan needs, or MissingEnvironment naming file, field, every missing variable and the cure. */
export function requireEnvironment(plan: Plan, environment: Environment): Record<string, string> {
  const refs = plan.streams.flatMap(streamEnvRefs)
  const missing = refs.filter((r) => environment[r.name] === undefined || environment[r.name] === '')
  const first = missing[0]
  if (first) {
    const names = [...new Set(missing.map((r) => r.name))]
    throw new IsthmusError('MissingEnvironment', `the environment variable${names.length > 1 ? 's' : ''} ${names.join(', ')} ${names.length > 1 ? 'are' : 'is'} not set`, {
      file: plan.file, field: first.field, cure: `export ${names[0]}=..., or put ${names.length > 1 ? 'them' : 'it'} into the file .env of the project`,
    })
  }
  return Object.fromEntries(refs.map((r) => [r.name, environment[r.name] as string]))
}

/**
 * Resolves values of a plan: from the environment, and from what the vault holds for the connection (`stored`; null when it holds nothing).
 * What is missing throws MissingEnvironment by its name.
 */
export function resolver(environment: Environment, stored: StoredValues | null = null): (value: Value) => string {
  const ofConnection = (kind: keyof StoredValues, name: string): string => {
    const found = stored?.[kind][name]
    if (found !== undefined && found !== '') return found
    const what = kind === 'settings' ? 'setting' : 'credential'
    throw new IsthmusError('MissingEnvironment', stored ? `the connection has no ${what} "${name}"` : `the connection is not set up, so its ${what} "${name}" is not known`, { cure: 'set it up with `isthmus connect`' })
  }
  return (value) => {
    if (typeof value === 'string') return value
    if ('credential' in value) return ofConnection('credentials', value.credential)
    if ('setting' in value) return ofConnection('settings', value.setting)
    if ('template' in value) return value.template.replace(/\{(\w+)\}/g, (_all, name: string) => safePart(name, ofConnection('settings', name)))
    const found = environment[value.env]
    if (found === undefined || found === '') {
      throw new IsthmusError('MissingEnvironment', `the environment variable ${value.env} is not set for the worker`, { cure: `set ${value.env} where the worker runs, or put it into .env` })
    }
    return found
  }
}

/** A setting that becomes part of an address cannot lead anywhere else. */
function safePart(name: string, text: string): string {
  if (/^[\w-]+(\.[\w-]+)*$/.test(text)) return text
  throw new IsthmusError('InvalidInput', `the setting "${name}" of the connection may hold letters, digits, . _ and - only`, { cure: 'correct it with `isthmus connect`' })
}
