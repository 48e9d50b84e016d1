import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { IsthmusError } from '../model/errors.ts'
import { envRefSchema, type EnvRef } from '../model/value.ts'
import { parseOr } from './issues.ts'
import { importDefault } from './load.ts'

/** Where alerts go: settings of the whole project, in `isthmus.config.ts`. */

const secret = envRefSchema.describe("a secret must be env('NAME'), so that it never stands in code")
const severity = z.enum(['error', 'warning', 'info'])
const common = {
  /** Tells two sinks of a kind apart. Default: the name of its variable. */
  name: z.string().regex(/^[\w.-]{1,60}$/, 'a name has letters, digits, . _ and - only').optional(),
  /** The least severity that is told. */
  severity: severity.default('info'),
  /** It runs in your own network: private addresses may be called. */
  privateNetwork: z.boolean().default(false),
}
const slackSchema = z.strictObject({ kind: z.literal('slack'), url: secret, ...common })
const httpSchema = z.strictObject({ kind: z.literal('http'), url: secret, headers: z.record(z.string(), z.union([z.string(), secret])).default({}), secret: secret.nullable().default(null), ...common })
const emailSchema = z.strictObject({ kind: z.literal('email'), smtp: secret, from: z.string().includes('@'), to: z.union([z.string(), z.array(z.string()).min(1)]).transform((to) => [to].flat()), ...common })
const sinkSchema = z.discriminatedUnion('kind', [slackSchema, httpSchema, emailSchema], { error: 'must be slack({ ... }), email({ ... }) or http({ ... })' })
const durationText = z.string().regex(/^\d+(\.\d+)?\s*(s|m|h|d|w)$/, 'must be a duration such as 30s, 5m or 1d')
const projectSchema = z.strictObject({
  kind: z.literal('project'),
  alerts: z.array(sinkSchema).default([]),
  health: z.strictObject({
    /** How often everything is looked at. */
    every: durationText.default('1m'),
    /** A circuit breaker that is open longer is a problem. */
    breaker: durationText.default('5m'),
    /** Credentials that end sooner are a problem. */
    lapse: durationText.default('7d'),
  }).prefault({}),
})

/** One place that alerts are sent to, with every default filled in. */
export type AlertSink = z.output<typeof sinkSchema>
export type ProjectConfig = z.output<typeof projectSchema>

interface SinkOptions {
  name?: string
  /** The least severity that is told: `error`, `warning` or `info` (default). */
  severity?: z.input<typeof severity>
  /** Set it when the receiver runs in your own network: private addresses are refused otherwise. */
  privateNetwork?: boolean
}

/** A Slack-compatible incoming webhook (also Mattermost, Discord's `/slack`, Google Chat): JSON with `text`. */
export function slack(options: SinkOptions & { url: EnvRef }): z.input<typeof slackSchema> {
  return { ...options, kind: 'slack' }
}

/** E-mail over SMTP: `smtp` stands for `smtps://user:password@host` or `smtp://user:password@host:587` (STARTTLS). */
export function email(options: SinkOptions & { smtp: EnvRef; from: string; to: string | string[] }): z.input<typeof emailSchema> {
  return { ...options, kind: 'email' }
}

/** Any HTTP endpoint: a JSON POST, signed as Standard Webhooks when there is a `secret`. */
export function http(options: SinkOptions & { url: EnvRef; headers?: Record<string, string | EnvRef>; secret?: EnvRef }): z.input<typeof httpSchema> {
  return { ...options, kind: 'http' }
}

export interface ProjectOptions {
  /** Where problems are told. */
  alerts?: z.input<typeof sinkSchema>[]
  /** `every` (default `1m`): how often everything is looked at; `breaker` (`5m`), `lapse` (`7d`): from when on an open circuit breaker and a credential's end are problems. */
  health?: z.input<typeof projectSchema>['health']
}

/** Settings of the whole project: the default export of `isthmus.config.ts` beside `syncs/`. */
export function defineProject(options: ProjectOptions): { kind: 'project' } & ProjectOptions {
  return { ...options, kind: 'project' }
}

const NAMES = ['isthmus.config.ts', 'isthmus.config.mts', 'isthmus.config.js', 'isthmus.config.mjs']

/** The file of a project's settings; null when there is none. */
export function projectConfigFile(projectDir: string): { file: string; path: string } | null {
  const file = NAMES.find((name) => existsSync(join(resolve(projectDir), name)))
  return file === undefined ? null : { file, path: join(resolve(projectDir), file) }
}

/** The settings of a project, every default filled in. Throws InvalidInput naming file and field. */
export async function loadProjectConfig(projectDir: string): Promise<ProjectConfig> {
  const found = projectConfigFile(projectDir)
  if (!found) return projectSchema.parse({ kind: 'project' })
  const definition = await importDefault<{ kind?: string }>({ id: found.file, ...found })
  if (definition?.kind !== 'project') throw new IsthmusError('InvalidInput', 'the file exports no settings', { file: found.file, field: 'default', cure: 'write export default defineProject({ ... })' })
  const config = parseOr(projectSchema, definition, { file: found.file, field: '' })
  const names = config.alerts.map(sinkName)
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i)
  if (twice >= 0) throw new IsthmusError('InvalidInput', `two alerts are named "${names[twice]}"`, { file: found.file, field: `alerts[${twice}].name`, cure: 'give one of them a `name`' })
  return config
}

/** How a sink is named in lists and in the queue of alerts: `slack:SLACK_URL`. Holds no secret. */
export function sinkName(sink: AlertSink): string {
  return `${sink.kind}:${sink.name ?? (sink.kind === 'email' ? sink.smtp : sink.url).env}`
}
