import { join } from 'node:path'
import { loadVaultKey, openStore } from '../store/index.ts'
import type { Store } from '../model/ports.ts'
import { projectEnvironment } from '../project/index.ts'
import { codecPlace, EncryptionCodec, endpointOf, followingKeys, ownUsers, startCodecServer } from './codec/index.ts'
import type { Log } from './keep-running.ts'

/** What a codec server answers for. */
export interface Served {
  /** Address of the web UI now; null while there is none. */
  uiUrl(): string | null
  databaseUrl: string
}

/** The codec server of a development stack, in the process that keeps the stack: it outlives workers that are started again. */
export interface StackCodec {
  endpoint: string
  /** From now on it decodes. */
  serve(served: Served): void
  close(): Promise<void>
}

/**
 * Starts a project's codec server, always at the same address, so that the web UI can be told of it before anything else runs. Keys are had from the
 * database with the first page that asks.
 */
export async function openStackCodec(options: { projectDir: string; namespace: string; env: NodeJS.ProcessEnv; log: Log }): Promise<StackCodec> {
  const { projectDir, namespace, env, log } = options
  const { port, token } = await codecPlace(join(projectDir, '.isthmus'))
  let served: Served | null = null
  let store: Promise<Store> | null = null
  let codec: Promise<EncryptionCodec> | null = null

  const open = async (databaseUrl: string): Promise<EncryptionCodec> => {
    store ??= openStore(databaseUrl, { key: await loadVaultKey({ env: projectEnvironment(projectDir, env), projectDir }) }).catch((error: unknown) => {
      store = null
      throw error
    })
    const opened = await store
    await opened.migrate()
    return new EncryptionCodec(await followingKeys(() => opened.payloadKeys()))
  }
  const origins = (): string[] => {
    const url = served?.uiUrl()
    return url ? ['127.0.0.1', 'localhost'].map((name) => `http://${name}:${new URL(url).port}`) : []
  }
  const server = await startCodecServer({
    host: '127.0.0.1', port, token, namespace, origins, users: ownUsers(env),
    say: (line) => log('warn', line),
    async codec() {
      if (!served) return null
      codec ??= open(served.databaseUrl).catch((error: unknown) => {
        codec = null
        throw error
      })
      return codec
    },
  })
  return {
    endpoint: endpointOf({ port, token }),
    serve: (now) => { served = now },
    async close() {
      await server.close()
      await codec?.catch(() => null)
      await (await store?.catch(() => null))?.close()
    },
  }
}
