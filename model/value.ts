import { z } from 'zod'

/** A value that stands in the environment (or `.env`) and never in a plan. */
export interface EnvRef {
  env: string
}

/** Plain text, or a reference into the environment. */
export type Value = string | EnvRef

export const envRefSchema = z.strictObject({
  env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'an environment variable has letters, digits and _ only'),
})
/** Text or `env('NAME')`. */
export const valueSchema = z.union([z.string(), envRefSchema], { error: "must be a text or env('NAME')" })
/** Only `env('NAME')`: a secret never stands in code or in a plan. */
export const secretSchema = z.custom<EnvRef>((v) => envRefSchema.safeParse(v).success, {
  error: "a secret must be env('NAME'), so that it never stands in code or in a plan",
})

/** A reference to an environment variable, resolved when the sync runs. `.env` in the project folder is read too. */
export function env(name: string): EnvRef {
  return { env: name }
}

/** A path into a record or body: `a.b.c`, or an array of keys where a key holds a dot. `*` goes through every element. */
export type Path = string | string[]
export const pathSchema = z.union([z.string(), z.array(z.string())], { error: "must be a path such as 'data.items' or ['data', 'items']" })

/** The keys of a path. `''` is the whole body. */
export function pathKeys(path: Path): string[] {
  if (Array.isArray(path)) return path
  return path === '' || path === '$' ? [] : path.replace(/^\$\./, '').replace(/\[(\*|\d+)\]/g, '.$1').split('.').filter((k) => k !== '')
}
