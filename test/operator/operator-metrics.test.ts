import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { createCaches } from '../../src/operator/caches.ts';
import type { Organization } from '../../src/operator/kinds.ts';
import { countResources, createOperatorMetrics } from '../../src/operator/operator-metrics.ts';

describe('The number of resources', () => {
  const organization = (name: string, resourceVersion: number, ready?: 'True' | 'False' | 'Unknown') =>
    ({
      apiVersion: 'piing.ai/v1alpha1',
      kind: 'Organization',
      metadata: { name, namespace: 'x', uid: name, resourceVersion: String(resourceVersion) },
      spec: { credentials: [], webhooks: [] },
      ...(ready ? { status: { conditions: [{ type: 'Ready', status: ready }] } } : {}),
    }) as unknown as Organization;

  it('is 0 from the start, and goes with what is seen of them', async () => {
    const registry = new Registry();
    const caches = createCaches();
    countResources(caches, createOperatorMetrics(registry));
    const counts = async (kind: string) => {
      const found = (await registry.metrics()).matchAll(
        new RegExp(`^piing_operator_resources\\{kind="${kind}",ready="(\\w+)"\\} (\\d+)$`, 'gm'),
      );
      return [...found].map(([, ready, count]) => `${ready} ${count}`);
    };
    assert.deepEqual(await counts('Organization'), ['true 0', 'false 0', 'unknown 0']);
    assert.deepEqual(await counts('SchemaEnablement'), ['true 0', 'false 0', 'unknown 0']);
    caches.organizations.replace([organization('a', 1), organization('b', 2, 'True')], undefined);
    assert.deepEqual(await counts('Organization'), ['true 1', 'false 0', 'unknown 1']);
    caches.organizations.upsert(organization('a', 3, 'False'));
    caches.organizations.upsert(organization('b', 4, 'Unknown'));
    assert.deepEqual(await counts('Organization'), ['true 0', 'false 1', 'unknown 1']);
    caches.organizations.remove('x/a');
    assert.deepEqual(await counts('Organization'), ['true 0', 'false 0', 'unknown 1']);
    assert.deepEqual(await counts('SchemaEnablement'), ['true 0', 'false 0', 'unknown 0']);
  });
});
