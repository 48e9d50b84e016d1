/** One change of the schema `isthmus`. */
export interface Migration {
  /** Order in which they are applied; never reused. */
  id: number
  name: string
  sql: string
}
