/** A TCP fault proxy: what happens between two parts rather than in one of them. */
export { startProxy } from './proxy.ts'
export type { FaultProxy, ProxyOptions } from './proxy.ts'
export { PROXY_FAULTS } from './plan.ts'
export type { ProxyFault, ProxyFaultKind } from './plan.ts'
