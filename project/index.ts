export * from './define.ts'
export * from './compile.ts'
export * from './environment.ts'
export * from './load.ts'
