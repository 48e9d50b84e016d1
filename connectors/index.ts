export * from './rest.ts'
export * from './auth.ts'
export * from './paging.ts'
export * from './define.ts'
