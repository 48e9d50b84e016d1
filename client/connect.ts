import type { Client } from '@temporalio/client'
import type { Environment } from '../project/index.ts'
import { dataConverter } from '../workers/codec/index.ts'
import { connectClient as connect, requireNamespace, temporalConnectionOptions, temporalIsConfigured, type TemporalConnectionOptions } from '../workers/connect.ts'
import { ensureSearchAttributes } from '../workers/search-attributes.ts'
import { findStack } from '../workers/stack.ts'
import type { PayloadKeys } from '../model/connections.ts'
import { IsthmusError } from '../model/errors.ts'

/** A Temporal server and, when it is known, its web UI. */
export interface TemporalAddress extends TemporalConnectionOptions {
  uiUrl: string | null
}

/** Addresses that a program gives: they count before those of the environment. */
export interface GivenAddresses {
  temporal?: TemporalConnectionOptions & { uiUrl?: string | null }
  databaseUrl?: string
}

/** The server that is given, else the one the environment names, else the one of the project's `isthmus dev`. */
export async function findTemporal(projectDir: string, env: Environment, given: GivenAddresses = {}): Promise<{ temporal: TemporalAddress; databaseUrl: string | null }> {
  const databaseUrl = given.databaseUrl || env['DATABASE_URL'] || null
  const named = given.temporal ?? (temporalIsConfigured(env) ? temporalConnectionOptions(env) : null)
  const stack = named && databaseUrl ? null : await findStack(projectDir)
  const temporal = named ? { uiUrl: env['ISTHMUS_TEMPORAL_UI']?.replace(/\/+$/, '') || null, ...named } : stack?.temporal
  if (!temporal) {
    throw new IsthmusError('Unreachable', `no Isthmus runs in ${projectDir}`, { cure: 'start `isthmus dev` there, or set TEMPORAL_ADDRESS and DATABASE_URL' })
  }
  return { temporal, databaseUrl: databaseUrl ?? stack?.databaseUrl ?? null }
}

/** Connects, and tells whether the namespace knows Isthmus' search attributes. `keys` open what Temporal stores. */
export async function connectClient(temporal: TemporalAddress, keys?: PayloadKeys): Promise<{ client: Client; searchAttributes: boolean }> {
  const { uiUrl: _ui, ...options } = temporal
  const client = await connect(options, { dataConverter: dataConverter(keys) })
  const problem = await ensureSearchAttributes(client)
  if (problem) {
    try {
      await requireNamespace(client)
    } catch (error) {
      await client.connection.close()
      throw error
    }
  }
  return { client, searchAttributes: problem === null }
}
