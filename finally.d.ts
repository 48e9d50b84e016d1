/** What a callback of `finally` returns is waited for (ECMA-262, 27.2.5.3); TypeScript's own declaration hides it from the lint rules. */
interface Promise<T> {
  finally(onfinally?: (() => void | PromiseLike<unknown>) | null): Promise<T>
}
