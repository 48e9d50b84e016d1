/** Health: how everything stands, problems that open and resolve once, and the alerts that tell of them. */
export { look, type Check } from './look.ts'
export { ProjectReader, type ProjectView } from './project.ts'
export { Watcher, type WatcherOptions } from './watcher.ts'
export { deliverAlerts } from './deliver.ts'
export { signature } from './sinks/index.ts'
