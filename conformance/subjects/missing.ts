import { createRequire } from 'node:module'

/** Why subjects that need a package cannot run; null when it is there. */
export function missingPackage(name: string): string | null {
  try {
    createRequire(import.meta.url).resolve(name)
    return null
  } catch {
    return `it needs the package ${name}: npm install --save-dev ${name}`
  }
}
