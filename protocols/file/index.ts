/** Records of a file that was staged as JSON lines. */
export { readStagedFile } from './read.ts'
