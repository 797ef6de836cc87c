import assert from 'node:assert/strict';
import { createMetrics } from '../../src/telemetry/metrics.ts';

describe('Metrics of organizations', () => {
  async function seriesOf(limit: number) {
    const metrics = createMetrics({ organizations: limit });
    for (const organization of ['blue', 'red', 'green', 'blue', 'black']) {
      metrics.organizations.ended(organization, 'COMPLETED');
      metrics.organizations.received(organization, 10);
      metrics.organizations.rows(organization, 'loaded', 2);
    }
    const read = async (name: string) =>
      Object.fromEntries(
        ((await metrics.registry.getSingleMetric(name)?.get())?.values ?? []).map(({ labels, value }) => [
          labels.organization,
          value,
        ]),
      );
    return {
      uploads: await read('piing_organization_uploads_total'),
      bytes: await read('piing_organization_received_bytes_total'),
      rows: await read('piing_organization_rows_total'),
    };
  }

  it('name nobody unless the setting says how many', async () => {
    assert.deepEqual(await seriesOf(0), { uploads: {}, bytes: {}, rows: {} });
  });

  it('name as many as the setting says, and count the others together', async () => {
    assert.deepEqual(await seriesOf(2), {
      uploads: { blue: 2, red: 1, other: 2 },
      bytes: { blue: 20, red: 10, other: 20 },
      rows: { blue: 4, red: 2, other: 4 },
    });
  });
});
