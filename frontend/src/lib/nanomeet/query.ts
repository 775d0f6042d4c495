/**
 * queryVariable reads a parameter of a query string: false when it is absent,
 * its value, or an array of its values when it is repeated.
 */
export function queryVariable(search: string, name: string): string | string[] | false {
  const values = new URLSearchParams(search).getAll(name);
  if (values.length === 0) return false;
  return values.length === 1 ? values[0]! : values;
}
