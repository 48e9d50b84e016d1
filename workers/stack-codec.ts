import { join } from 'node:path'
import { loadVaultKey, openStore } from '../store/index.ts'
import type { Store } from '../model/ports.ts'
import { projectEnvironment } from '../project/index.ts'
import { codecPlace, EncryptionCodec, startCodecServer, type CodecServer } from './codec/index.ts'

/** The codec server of a development stack: its address is known before anything runs, so that the web UI can be told. */
export interface StackCodec {
  endpoint: string
  serve(options: { uiUrl: string; namespace: string; databaseUrl: string; env: NodeJS.ProcessEnv }): Promise<void>
  close(): Promise<void>
}

/** Chooses the place of a project's codec server; `serve` starts it. The database is opened with the first page that asks. */
export async function openStackCodec(projectDir: string): Promise<StackCodec> {
  const { port, token } = await codecPlace(join(projectDir, '.isthmus'))
  let server: CodecServer | null = null
  let store: Promise<Store> | null = null
  return {
    endpoint: `http://127.0.0.1:${port}/${token}`,
    async serve({ uiUrl, namespace, databaseUrl, env }) {
      const codec = async (): Promise<EncryptionCodec> => {
        store ??= open(projectDir, databaseUrl, env).catch((error: unknown) => {
          store = null
          throw error
        })
        return new EncryptionCodec(await (await store).payloadKeys())
      }
      const { port: uiPort } = new URL(uiUrl)
      server = await startCodecServer({ host: '127.0.0.1', port, token, namespace, codec, origins: [`http://127.0.0.1:${uiPort}`, `http://localhost:${uiPort}`] })
    },
    async close() {
      await server?.close()
      await (await store?.catch(() => null))?.close()
    },
  }
}

async function open(projectDir: string, databaseUrl: string, env: NodeJS.ProcessEnv): Promise<Store> {
  const store = await openStore(databaseUrl, { key: await loadVaultKey({ env: projectEnvironment(projectDir, env), projectDir }) })
  await store.migrate()
  return store
}
