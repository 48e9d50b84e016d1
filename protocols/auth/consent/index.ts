/** Sign-ins that need a person: authorization code and device code. */
export { beginAuthorization, finishAuthorization } from './authorize.ts'
export type { CodeAuth, PendingAuthorization } from './authorize.ts'
export { beginDevice, pollDevice } from './device.ts'
export type { DeviceAuth, DevicePrompt, PendingDevice } from './device.ts'
export { receiveRedirect } from './loopback.ts'
export type { RedirectReceiver } from './loopback.ts'
