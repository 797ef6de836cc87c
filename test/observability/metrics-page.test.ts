import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { metricsPage } from '../../tools/metrics/page.ts';
import { ROLES, registries } from '../../tools/metrics/registries.ts';

describe('The page of metrics', () => {
  it('is what the code registers: run npm run docs:metrics after a change', async () => {
    assert.equal(await readFile('docs/operations/metrics.md', 'utf8'), await metricsPage());
  });

  it('names base units, and counters end in _total', async () => {
    for (const role of ROLES) {
      for (const { name, type } of await registries()[role].getMetricsAsJSON()) {
        if (!name.startsWith('piing_')) continue;
        assert.match(name, /^[a-z]+(_[a-z]+)+$/);
        // prom-client's type is the word, whatever its enumeration says.
        assert.equal(String(type) === 'counter', name.endsWith('_total'), name);
        if (String(type) === 'histogram') assert.match(name, /_(seconds|bytes)$/);
      }
    }
  });

  it('gives every role what it is, and no role what another counts', async () => {
    const namesOf = async (role: (typeof ROLES)[number]) =>
      new Set((await registries()[role].getMetricsAsJSON()).map(({ name }) => name));
    for (const role of ROLES) assert.ok((await namesOf(role)).has('piing_build_info'), role);
    assert.ok(!(await namesOf('gateway')).has('piing_oldest_unprocessed_seconds'));
    assert.ok(!(await namesOf('worker')).has('piing_logins_total'));
  });
});
