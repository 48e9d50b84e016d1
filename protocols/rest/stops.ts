import { ERROR_POLICY, IsthmusError } from '../../model/index.ts'
import type { ErrorType, PageStop } from '../../model/index.ts'
import { cureOf } from '../auth/index.ts'
import type { RestReader } from './types.ts'

/** The stop for an error that waiting does not cure, or `interrupted` for one that it may. Other errors are thrown on. */
export function stopOf(error: unknown): PageStop {
  if (!(error instanceof IsthmusError)) throw error
  if (error.type === 'Transient' || error.type === 'Unreachable') return { kind: 'interrupted', type: error.type, reason: error.message, untilMs: 0 }
  return refused(error.type, error.message, error.field ?? 'from', error.cure)
}

/** Runs a step of ours; an IsthmusError becomes the stop it stands for. */
export function orStop<T extends object>(run: () => T): T | { stop: PageStop } {
  try {
    return run()
  } catch (error) {
    return { stop: stopOf(error) }
  }
}

export function refused(type: ErrorType, reason: string, field: string, cure?: string): PageStop {
  return { kind: 'refused', type, reason, field, cure: cure ?? ERROR_POLICY[type].next }
}

/** 401 without tokens: the stored credential itself is wrong. */
export function credentialsRefused(reader: RestReader, reason: string): PageStop {
  const { authenticator } = reader.connection
  if (authenticator.kind === 'none') return refused('AuthFailed', reason, 'from.auth', 'add `auth` to the source; the API asks for credentials')
  return refused('AuthFailed', reason, authenticator.blame.field, cureOf(authenticator.blame))
}
