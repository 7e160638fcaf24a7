/** A filter tree (RFC 8620 §5.5) over objects that are at hand. */
import type { FilterTree } from './query.ts';

export type Test<T> = (object: T) => boolean;

export function testOf<T>(filter: FilterTree<Test<T>>): Test<T> {
  if (filter.operator === null) return filter.condition;
  const tests = filter.conditions.map((condition) => testOf(condition));
  switch (filter.operator) {
    case 'AND':
      return (object) => tests.every((test) => test(object));
    case 'OR':
      return (object) => tests.some((test) => test(object));
    // None of the conditions matches.
    case 'NOT':
      return (object) => !tests.some((test) => test(object));
  }
}
