/** `import { defineSync, rest, ... } from 'isthmus'`: everything a sync file or an app needs. */
export * from './project/authoring.ts'
export * from './client/index.ts'
