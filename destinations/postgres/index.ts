export { postgresDestination } from './destination.ts'
export { pgName } from './names.ts'
export { compareMarks, highestMark } from './marks.ts'
export { rowValues } from './lines.ts'
