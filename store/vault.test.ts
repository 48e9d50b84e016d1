import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadVaultKey, openSealed, seal } from './index.ts'
import { decrypt, encrypt, hmac } from './vault.ts'

const VECTORS = fileURLToPath(new URL('../../shared/vectors/wycheproof/testvectors_v1/', import.meta.url))
const place = { table: 'vault_credentials', row: 'shop', field: 'secret' }
const vaultKey = () => loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('base64') }, projectDir: '/nowhere' })

interface Group {
  ivSize: number
  keySize: number
  tagSize: number
  tests: Record<string, string>[]
}
const groups = (file: string): Group[] => (JSON.parse(readFileSync(join(VECTORS, file), 'utf8')) as { testGroups: Group[] }).testGroups
const hex = (test: Record<string, string>, ...fields: string[]): Buffer[] => fields.map((f) => Buffer.from(test[f]!, 'hex'))
/** How many of the changed values open all the same. */
const opened = (tries: (() => unknown)[]): number =>
  tries.filter((attempt) => {
    try {
      attempt()
      return true
    } catch (error) {
      expect(error).toMatchObject({ type: 'VaultKey' })
      return false
    }
  }).length

describe('sealing', () => {
  it.skipIf(!existsSync(VECTORS))('agrees with the wycheproof vectors', () => {
    let seen = 0
    for (const group of groups('aes_gcm_test.json').filter((g) => g.keySize === 256 && g.ivSize === 96 && g.tagSize === 128)) {
      for (const test of group.tests) {
        const [key, iv, aad, msg, ct, tag] = hex(test, 'key', 'iv', 'aad', 'msg', 'ct', 'tag')
        const sealed = Buffer.concat([ct!, tag!])
        seen += 1
        if (test['result'] === 'valid') {
          expect(decrypt(key!, iv!, sealed, aad!)).toEqual(msg)
          expect(encrypt(key!, iv!, msg!, aad!)).toEqual(sealed)
        } else expect(() => decrypt(key!, iv!, sealed, aad!)).toThrow()
      }
    }
    expect(seen).toBe(66)
    let macs = 0
    for (const group of groups('hmac_sha256_test.json')) {
      for (const test of group.tests) {
        const [key, msg, tag] = hex(test, 'key', 'msg', 'tag')
        macs += 1
        expect(hmac(key!, msg!).subarray(0, group.tagSize / 8).equals(tag!), test['comment']).toBe(test['result'] === 'valid')
      }
    }
    expect(macs).toBe(174)
  })

  it('opens in its place only, whole only, with its key only', async () => {
    const key = await vaultKey()
    const sealed = seal(key, 'sécret', place)
    const open = (text: string, where = place, by = key) => () => openSealed(by, text, where)
    expect(open(sealed)()).toBe('sécret')
    expect(sealed).not.toContain('cret')
    const parts = sealed.split('.')
    const having = (part: number, bytes: Buffer): string => parts.map((p, i) => (i === part ? bytes.toString('base64url') : p)).join('.')
    const tries: (() => unknown)[] = []
    // IV, ciphertext and tag: each bit.
    for (const [part, bytes] of [[2, 12], [3, 7 + 16]] as const) {
      const was = Buffer.from(parts[part]!, 'base64url')
      expect(was).toHaveLength(bytes)
      for (let bit = 0; bit < bytes * 8; bit++) {
        const flipped = Buffer.from(was)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        tries.push(open(having(part, flipped)))
      }
      // Shorter, tags of 4 to 15 bytes among them, and longer.
      for (let n = 0; n < bytes; n++) tries.push(open(having(part, was.subarray(0, n))))
      tries.push(open(having(part, Buffer.concat([was, Buffer.alloc(1)]))))
    }
    // What it is bound to: each bit of each part, and text moved from one part to the next.
    for (const part of ['table', 'row', 'field'] as const) {
      const was = Buffer.from(place[part])
      for (let bit = 0; bit < was.length * 8; bit++) {
        const flipped = Buffer.from(was)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        tries.push(open(sealed, { ...place, [part]: flipped.toString('latin1') }))
      }
    }
    tries.push(open(sealed, { ...place, row: 'shops', field: 'ecret' }), open(sealed, { ...place, row: 'shop","secret', field: '' }))
    for (let i = 0; i < 16; i++) {
      const id = key.id.slice(0, i) + (key.id[i] === '0' ? '1' : '0') + key.id.slice(i + 1)
      // As written, and with the secret under another name.
      tries.push(open(sealed.replace(key.id, id)), open(sealed.replace(key.id, id), place, { ...key, id }))
    }
    const wrong = await vaultKey()
    tries.push(open(sealed, place, wrong), open(sealed, place, { ...wrong, id: key.id }), open('nonsense'), open(''), open(`v3${sealed.slice(2)}`), open(`${sealed}\n`), open(` ${sealed}`), open(`${sealed}=`))
    expect(tries.length).toBeGreaterThan(500)
    expect(opened(tries)).toBe(0)
    expect(open(sealed, place, wrong)).toThrowError(/another key/)
  })

  it('never repeats an IV', async () => {
    const key = await vaultKey()
    expect(new Set(Array.from({ length: 100_000 }, () => seal(key, '', place).split('.')[2])).size).toBe(100_000)
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
