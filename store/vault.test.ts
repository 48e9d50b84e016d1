import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadVaultKey, openSealed, seal } from './index.ts'
import { decrypt, encrypt } from './vault.ts'

const VECTORS = fileURLToPath(new URL('../../shared/vectors/wycheproof/testvectors_v1/aes_gcm_test.json', import.meta.url))
const place = { table: 'connections', row: 'shop', field: 'settings' }
const vaultKey = () => loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('base64') }, projectDir: '/nowhere' })

describe('sealing', () => {
  it.skipIf(!existsSync(VECTORS))('agrees with the wycheproof vectors', () => {
    const { testGroups } = JSON.parse(readFileSync(VECTORS, 'utf8')) as { testGroups: { ivSize: number; keySize: number; tagSize: number; tests: Record<string, string>[] }[] }
    let seen = 0
    for (const group of testGroups.filter((g) => g.keySize === 256 && g.ivSize === 96 && g.tagSize === 128)) {
      for (const test of group.tests) {
        const [key, iv, aad, msg, ct, tag] = ['key', 'iv', 'aad', 'msg', 'ct', 'tag'].map((f) => Buffer.from(test[f]!, 'hex')) as Buffer[]
        const sealed = Buffer.concat([ct!, tag!])
        seen += 1
        if (test['result'] === 'valid') {
          expect(decrypt(key!, iv!, sealed, aad!)).toEqual(msg)
          expect(encrypt(key!, iv!, msg!, aad!)).toEqual(sealed)
        } else expect(() => decrypt(key!, iv!, sealed, aad!)).toThrow()
      }
    }
    expect(seen).toBe(66)
  })

  it('opens in its place only, whole only, with its key only', async () => {
    const key = await vaultKey()
    const sealed = seal(key, 'sécret', place)
    expect(openSealed(key, sealed, place)).toBe('sécret')
    expect(sealed).not.toContain('cret')
    for (const other of [{ ...place, table: 'tokens' }, { ...place, row: 'shop2' }, { ...place, field: 'x' }]) expect(() => openSealed(key, sealed, other)).toThrowError(/does not open/)
    const parts = sealed.split('.')
    for (const [part, bytes] of [[2, 12], [3, 23]] as const) {
      for (let bit = 0; bit < bytes * 8; bit++) {
        const flipped = Buffer.from(parts[part]!, 'base64url')
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        expect(() => openSealed(key, parts.map((p, i) => (i === part ? flipped.toString('base64url') : p)).join('.'), place)).toThrow()
      }
    }
    for (let n = 1; n < 23; n++) {
      const short = Buffer.from(parts[3]!, 'base64url').subarray(0, 23 - n).toString('base64url')
      expect(() => openSealed(key, [...parts.slice(0, 3), short].join('.'), place)).toThrow()
    }
    const wrong = await vaultKey()
    expect(() => openSealed(wrong, sealed, place)).toThrowError(/another key/)
    expect(() => openSealed({ ...wrong, id: key.id }, sealed, place)).toThrow()
    expect(() => openSealed(key, 'nonsense', place)).toThrow()
    expect(new Set(Array.from({ length: 10_000 }, () => seal(key, '', place).split('.')[2])).size).toBe(10_000)
  })
})

describe('loadVaultKey', () => {
  it('makes a private key once, also when two do so at the same time', async () => {
    const projectDir = await mkdtemp(join(tmpdir(), 'isthmus-key-'))
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadVaultKey({ env: {}, projectDir })))
    expect(new Set(keys.map((k) => k.id)).size).toBe(1)
    const path = join(projectDir, '.isthmus', 'key')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await loadVaultKey({ env: { ISTHMUS_KEY_FILE: '.isthmus/key' }, projectDir })).id).toBe(keys[0]!.id)
    await writeFile(path, 'rubbish')
    await expect(loadVaultKey({ env: {}, projectDir })).rejects.toMatchObject({ type: 'VaultKey', message: expect.not.stringContaining('rubbish') })
    await expect(loadVaultKey({ env: { ISTHMUS_KEY_FILE: 'gone' }, projectDir })).rejects.toMatchObject({ type: 'VaultKey' })
    await rm(projectDir, { recursive: true })
  })

  it('reads base64 and hex', async () => {
    const secret = randomBytes(32)
    const forms = [secret.toString('base64'), secret.toString('base64url'), secret.toString('hex'), ` ${secret.toString('hex').toUpperCase()}\n`]
    for (const form of forms) expect((await loadVaultKey({ env: { ISTHMUS_KEY: form }, projectDir: '/' })).secret).toEqual(secret)
    for (const form of ['x', randomBytes(31).toString('base64'), randomBytes(33).toString('hex')]) {
      await expect(loadVaultKey({ env: { ISTHMUS_KEY: form }, projectDir: '/' })).rejects.toMatchObject({ type: 'VaultKey' })
    }
  })
})
