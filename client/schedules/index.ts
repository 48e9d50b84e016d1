export { Schedules } from './schedules.ts'
export type { Deployed, DeployOptions } from './deploy.ts'
export type { FieldChange, ScheduleChange } from './diff.ts'
export type { ScheduleView } from './view.ts'
