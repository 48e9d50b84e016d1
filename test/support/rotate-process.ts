/** Rotates the vault's key of a database and ends: a process that tests may kill. Arguments: database address, project folder. */
import { loadVaultKey, newKey, rotateVaultKey } from '../../store/index.ts'

const [databaseUrl = '', projectDir = ''] = process.argv.slice(2)
const from = await loadVaultKey({ env: {}, projectDir })
const given = await newKey({ from, env: {}, projectDir, file: undefined, command: undefined, finish: false })
process.stdout.write('begun\n')
await rotateVaultKey(databaseUrl, { from, ...given, finish: false })
