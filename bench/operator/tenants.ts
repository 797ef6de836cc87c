import type { Clients } from '../../src/operator/reflectors.ts';

export const NAMESPACE = 'default';
const SCHEMA_TYPES = ['orgTransactions', 'orgTransactionDetail', 'orgShifts'];
/** Requests at a time. */
const CONCURRENCY = 16;

export const organizationName = (index: number): string => `org-${String(index).padStart(6, '0')}`;

/** Organizations with one credential and three SchemaEnablements each. */
export async function createTenants(clients: Clients, count: number): Promise<void> {
  await forEach(count, async (index) => {
    const name = organizationName(index);
    await clients.organizations.create(NAMESPACE, {
      metadata: { name },
      spec: { displayName: `Organization ${index}`, credentials: [{ name: 'pos' }] },
    });
    for (const schemaType of SCHEMA_TYPES) {
      await clients.enablements.create(NAMESPACE, {
        metadata: { name: `${name}-${schemaType.toLowerCase()}` },
        spec: { organizationRef: { name }, schemaType, transformer: { timeZone: 'America/New_York' } },
      });
    }
  });
}

async function forEach(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}
