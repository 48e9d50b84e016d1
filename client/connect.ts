import type { Client } from '@temporalio/client'
import type { Environment } from '../project/index.ts'
import { dataConverter } from '../workers/codec/index.ts'
import { connectClient as connect, temporalConnectionOptions, temporalIsConfigured, type TemporalConnectionOptions } from '../workers/connect.ts'
import { ensureSearchAttributes } from '../workers/search-attributes.ts'
import { findStack } from '../workers/stack.ts'
import type { PayloadKeys } from '../model/connections.ts'
import { IsthmusError } from '../model/errors.ts'

/** A Temporal server and, when it is known, its web UI. */
export interface TemporalAddress extends TemporalConnectionOptions {
  uiUrl: string | null
}

/** The server the environment names, else the one of the project's `isthmus dev`. */
export async function findTemporal(projectDir: string, env: Environment): Promise<{ temporal: TemporalAddress; databaseUrl: string | null }> {
  const databaseUrl = env['DATABASE_URL'] || null
  const configured = temporalIsConfigured(env)
  const stack = configured && databaseUrl ? null : await findStack(projectDir)
  if (configured) {
    return { temporal: { ...temporalConnectionOptions(env), uiUrl: env['ISTHMUS_TEMPORAL_UI']?.replace(/\/+$/, '') || null }, databaseUrl: databaseUrl ?? stack?.databaseUrl ?? null }
  }
  if (!stack) {
    throw new IsthmusError('Unreachable', `no Isthmus runs in ${projectDir}`, { cure: 'start `isthmus dev` there, or set TEMPORAL_ADDRESS and DATABASE_URL' })
  }
  return { temporal: stack.temporal, databaseUrl: databaseUrl ?? stack.databaseUrl }
}

/** Connects, and tells whether the namespace knows Isthmus' search attributes. `keys` open what Temporal stores. */
export async function connectClient(temporal: TemporalAddress, keys?: PayloadKeys): Promise<{ client: Client; searchAttributes: boolean }> {
  const { uiUrl: _ui, ...options } = temporal
  const client = await connect(options, { dataConverter: dataConverter(keys) })
  const problem = await ensureSearchAttributes(client)
  return { client, searchAttributes: problem === null }
}
