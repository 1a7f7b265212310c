/** Records which functions were called and returned. */

export function recording<T extends object>(functions: T, names: ReadonlySet<string>): { api: T; called: Set<string> } {
  const called = new Set<string>();
  const api = new Proxy(functions, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function' || typeof name !== 'string' || !names.has(name)) return member;
      return (...values: unknown[]): unknown => {
        const result: unknown = member(...values);
        called.add(name);
        return result;
      };
    },
  });
  return { api, called };
}
