/** Task queue of the workflows and of every activity that calls no source. */
export const TASK_QUEUE = 'isthmus'

/** Task queue of the `page` activity: calls to sources, paced by their own budgets. */
export const API_TASK_QUEUE = 'isthmus-api'

/** Task queue of the `refresh` activity: steps of the other queues wait for it, so it must not need a place among them. */
export const TOKEN_TASK_QUEUE = 'isthmus-tokens'

/** Task queue of `begin` and `prepare`, the first steps of runs: there they wait until a worker can take on one more run. */
export const START_TASK_QUEUE = 'isthmus-start'

/** Task queues of backfills: their steps have places of their own, so that those of runs find theirs free. */
export const BACKFILL_TASK_QUEUE = 'isthmus-backfill'
export const BACKFILL_API_TASK_QUEUE = 'isthmus-backfill-api'

/** Search attributes Isthmus sets on its workflows, all of type Keyword. */
export const SEARCH_ATTRIBUTES = ['IsthmusSync', 'IsthmusStream', 'IsthmusConnection', 'IsthmusPhase', 'IsthmusRun'] as const
