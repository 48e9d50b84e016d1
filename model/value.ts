import { z } from 'zod'

/** A value that stands in the environment (or `.env`) and never in a plan. */
export interface EnvRef {
  env: string
}

/** A secret of the source's connection, kept sealed in the vault. */
export interface CredentialRef {
  credential: string
}

/** A setting of the source's connection that is no secret, for example a region or an account number. */
export interface SettingRef {
  setting: string
}

/** A text with settings of the connection in it: `https://{account}.example.com`. */
export interface TemplateRef {
  template: string
}

/** Plain text, or a reference to a value that does not stand in the plan. */
export type Value = string | EnvRef | CredentialRef | SettingRef | TemplateRef
/** A reference to a secret. */
export type SecretRef = EnvRef | CredentialRef

/** What the vault holds for one connection, opened. */
export interface StoredValues {
  settings: Record<string, string>
  credentials: Record<string, string>
}

export const envRefSchema = z.strictObject({
  env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'an environment variable has letters, digits and _ only'),
})
const name = z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'a field of a connection has letters, digits and _ only')
export const credentialRefSchema = z.strictObject({ credential: name })
export const settingRefSchema = z.strictObject({ setting: name })
export const templateRefSchema = z.strictObject({ template: z.string() })
/** Text, or a reference. */
export const valueSchema = z.union([z.string(), envRefSchema, credentialRefSchema, settingRefSchema, templateRefSchema], {
  error: "must be a text, env('NAME'), setting('name') or credential('name')",
})
/** Only a reference: a secret never stands in code or in a plan. */
export const secretSchema = z.custom<SecretRef>((v) => envRefSchema.safeParse(v).success || credentialRefSchema.safeParse(v).success, {
  error: "a secret must be env('NAME') or credential('name'), so that it never stands in code or in a plan",
})

/** A reference to an environment variable, resolved when the sync runs. `.env` in the project folder is read too. */
export function env(name: string): EnvRef {
  return { env: name }
}

/** A secret of the source's connection, asked for by `isthmus connect` and kept sealed in the vault. */
export function credential(name: string): CredentialRef {
  return { credential: name }
}

/** A setting of the source's connection, asked for by `isthmus connect`; no secret. */
export function setting(name: string): SettingRef {
  return { setting: name }
}

/**
 * A text with settings of the connection in it: `template('https://{account}.example.com/v1')`. A setting that is put in may hold letters,
 * digits, `.`, `_` and `-` only, so that it cannot lead to another host.
 */
export function template(text: string): TemplateRef {
  return { template: text }
}

/** A reference of one of the kinds, or null when the value is something else. */
export function referenceOf(value: unknown): EnvRef | CredentialRef | SettingRef | TemplateRef | null {
  if (value === null || typeof value !== 'object') return null
  const [first, ...more] = Object.entries(value)
  const known = first !== undefined && more.length === 0 && ['env', 'credential', 'setting', 'template'].includes(first[0]) && typeof first[1] === 'string'
  return known ? (value as EnvRef | CredentialRef | SettingRef | TemplateRef) : null
}

/** Names of the settings or credentials that a description refers to, each once. */
export function referencesIn(part: unknown, kind: 'setting' | 'credential'): string[] {
  const names = new Set<string>()
  const look = (value: unknown): void => {
    const reference = referenceOf(value) as Partial<Record<'setting' | 'credential' | 'template', string>> | null
    if (reference?.[kind]) names.add(reference[kind])
    else if (reference?.template && kind === 'setting') for (const [, name] of reference.template.matchAll(/\{(\w+)\}/g)) names.add(name!)
    else if (!reference && value !== null && typeof value === 'object') Object.values(value).forEach(look)
  }
  look(part)
  return [...names]
}

/** A path into a record or body: `a.b.c`, or an array of keys where a key holds a dot. `*` goes through every element. */
export type Path = string | string[]
export const pathSchema = z.union([z.string(), z.array(z.string())], { error: "must be a path such as 'data.items' or ['data', 'items']" })

/** The keys of a path. `''` is the whole body. */
export function pathKeys(path: Path): string[] {
  if (Array.isArray(path)) return path
  return path === '' || path === '$' ? [] : path.replace(/^\$\./, '').replace(/\[(\*|\d+)\]/g, '.$1').split('.').filter((k) => k !== '')
}
