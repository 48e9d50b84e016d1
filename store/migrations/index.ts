import { migration as firstTables } from './001-first-tables.ts'
import { migration as requestBudgets } from './002-request-budgets.ts'
import { migration as deliveries } from './010-deliveries.ts'
import { migration as accounts } from './011-accounts.ts'
import { migration as rejectsAndRemap } from './012-rejects-and-remap.ts'
import { migration as tokenUses } from './013-token-uses.ts'
import { migration as keysAndConnections } from './014-keys-and-connections.ts'
import { migration as connectLinks } from './015-connect-links.ts'
import { migration as costs } from './016-costs.ts'
import { migration as backfills } from './017-backfills.ts'
import { migration as schedules } from './018-schedules.ts'
import { migration as triggersAndKeys } from './019-triggers-and-keys.ts'
import { migration as watch } from './020-watch.ts'
import { migration as inbox } from './021-inbox.ts'
import type { Migration } from './types.ts'

/** Changes of the schema `isthmus`, in order. What is listed here never changes; new ones are added at the end. */
export const MIGRATIONS: Migration[] = [firstTables, requestBudgets, deliveries, accounts, rejectsAndRemap, tokenUses, keysAndConnections, connectLinks, costs, backfills, schedules, triggersAndKeys, watch, inbox]
