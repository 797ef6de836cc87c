import assert from 'node:assert/strict';
import { ObjectCache } from '../../../src/operator/runtime/cache.ts';
import { object, type TestObject } from './objects.ts';

describe('A cache', () => {
  let cache: ObjectCache<TestObject>;
  let changes: string[];
  beforeEach(() => {
    cache = new ObjectCache<TestObject>({ colour: ({ spec }) => [spec.colour] });
    changes = [];
    const shown = (each: TestObject | undefined) =>
      each ? `${each.metadata.name}@${each.metadata.resourceVersion}` : '–';
    cache.onChange((before, after) => changes.push(`${shown(before)} → ${shown(after)}`));
  });
  const red = () => cache.find('colour', 'red').map(({ metadata }) => metadata.name);

  it('finds objects by an index, also after they have changed and gone', () => {
    cache.upsert(object('a', 1, 'red'));
    cache.upsert(object('b', 2, 'red'));
    assert.deepEqual(red(), ['a', 'b']);
    cache.upsert(object('a', 3, 'blue'));
    cache.remove('default/b');
    assert.deepEqual(red(), []);
    assert.deepEqual(cache.find('colour', 'blue').length, 1);
    assert.deepEqual(changes, ['– → a@1', '– → b@2', 'a@1 → a@3', 'b@2 → –']);
  });

  it('does not go back to what a slower watch reports', () => {
    cache.upsert(object('a', 10, 'red'));
    cache.upsert(object('a', 9, 'blue'));
    assert.deepEqual(red(), ['a']);
    assert.equal(changes.length, 1);
  });

  it('takes a list for the whole truth of its namespace, also when it is older', () => {
    cache.upsert(object('a', 10, 'red'));
    cache.upsert(object('gone', 11, 'red'));
    cache.upsert(object('elsewhere', 12, 'red', 'other'));
    cache.replace([object('a', 5, 'blue'), object('new', 6, 'red')], 'default');
    assert.deepEqual(red().sort(), ['elsewhere', 'new']);
    assert.equal(cache.get('default/gone'), undefined);
  });

  it('takes the answer to a write, but never brings an object back with it', () => {
    cache.upsert(object('a', 1, 'red'));
    cache.observe(object('a', 2, 'blue'));
    assert.equal(cache.get('default/a')?.spec.colour, 'blue');
    cache.remove('default/a');
    cache.observe(object('a', 3, 'red'));
    assert.equal(cache.get('default/a'), undefined);
  });

  it('says nothing when a list brings what is known', () => {
    cache.upsert(object('a', 1, 'red'));
    cache.replace([object('a', 1, 'red')], undefined);
    assert.equal(changes.length, 1);
  });
});
