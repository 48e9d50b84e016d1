import { IsthmusError } from '../model/errors.ts'

const CAUSES: Record<string, [what: string, cure: string]> = {
  ENOSPC: ['no space is left on its disk', 'free space on that disk'],
  EDQUOT: ['the quota of its disk is used up', 'free space on that disk, or raise the quota'],
  EROFS: ['its disk can only be read', 'mount that disk for writing'],
  EIO: ['its disk does not work', 'see to that disk'],
  EACCES: ['it may not be written', 'give the user of the worker the right to write there'],
  ENOTDIR: ['a part of its path is a file', 'give it the path of a folder'],
  EEXIST: ['a file lies there', 'give it the path of a folder'],
  EPERM: ['it may not be written', 'give the user of the worker the right to write there'],
}
const CALLS = /^(open|mkdir|write|writev|close|fsync|rename)$/

/** Trouble of the disk under a folder, as an error that names the folder: those of Node name nothing. It is worth another try. Others are given back as they are. */
export function diskError(folder: string, error: unknown): unknown {
  const { code = '', syscall = '' } = (error ?? {}) as NodeJS.ErrnoException
  const cause = CAUSES[code]
  if (error instanceof IsthmusError || !cause || !CALLS.test(syscall)) return error
  return new IsthmusError('Transient', `the stage ${folder} cannot be written: ${cause[0]} (${code})`, { field: 'ISTHMUS_STAGE', cure: `${cause[1]}; what waits for it then goes on by itself`, cause: error })
}
