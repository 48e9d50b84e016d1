export type * from './types.ts'
export { rejectsNote, volumeNote, type PastRun } from './volume.ts'
export { driftOf, mergeShapes, shapeOf } from './shape.ts'
export { detect, isThere, SEVERE, targetOf, type Seen, type Targets } from './detect.ts'
