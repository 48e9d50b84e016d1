/** Which addresses may be called at all: decided on the IP address, at the moment of connecting. */
export { createGuard } from './guard.ts'
export type { AddressGuard, AddressPolicy } from './guard.ts'
export { classOfAddress } from './address-class.ts'
export type { AddressClass } from './address-class.ts'
