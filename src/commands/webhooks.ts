import type { Pool } from '../database/pool.ts';
import type { Settings } from '../settings.ts';
import type { DeliveryId, OrganizationId } from '../support/ids.ts';
import { StartupError } from '../support/listen.ts';
import {
  type DeliveryRecord,
  type EndpointRecord,
  enableEndpoint,
  listDeliveries,
  listEndpoints,
  requestTest,
} from '../webhooks/queries.ts';
import { withControl } from './control-database.ts';
import { print, toJson } from './terminal.ts';
import { attemptsTable, deliveriesTable, endpointsTable } from './webhooks-tables.ts';

const POLL_MS = 200;
/** An attempt ends after 10 s, and a worker that is free takes it at once. */
const TEST_PATIENCE_MS = 20_000;

interface JsonOption {
  readonly json?: boolean;
}

export interface DeliveriesOptions extends JsonOption {
  readonly organization?: string;
  readonly webhook?: string;
  readonly state?: string;
  readonly limit: number;
}

export async function listWebhooksCommand(
  settings: Settings,
  options: JsonOption & { readonly organization?: string },
): Promise<void> {
  await withControl(settings, async (pool) => {
    const found = await listEndpoints(pool, options.organization as OrganizationId | undefined);
    print(options.json ? toJson(found) : endpointsTable(found));
  });
}

export async function listDeliveriesCommand(settings: Settings, options: DeliveriesOptions): Promise<void> {
  await withControl(settings, async (pool) => {
    const found = await listDeliveries(pool, {
      organizationId: options.organization as OrganizationId | undefined,
      endpoint: options.webhook,
      state: options.state?.toUpperCase(),
      limit: options.limit,
    });
    print(options.json ? toJson(found) : deliveriesTable(found));
  });
}

/** Sends a message of type webhook.test and waits for what the receiver says. */
export async function testWebhookCommand(
  settings: Settings,
  organization: string,
  name: string,
  options: JsonOption,
): Promise<void> {
  await withControl(settings, async (pool) => {
    const endpoint = await expectEndpoint(pool, organization, name);
    const obstacle = obstacleOf(endpoint);
    if (obstacle) throw new StartupError(obstacle);
    const delivery = await outcomeOf(pool, await requestTest(pool, endpoint.organizationId, name));
    print(options.json ? toJson(delivery) : attemptsTable(delivery));
    if (delivery.state !== 'DELIVERED') process.exitCode = 1;
  });
}

export async function enableWebhookCommand(
  settings: Settings,
  organization: string,
  name: string,
): Promise<void> {
  await withControl(settings, async (pool) => {
    const { organizationId, disabledAt } = await expectEndpoint(pool, organization, name);
    if (disabledAt) await enableEndpoint(pool, organizationId, name);
    print(`Webhook ${name} of ${organization} is enabled.`);
  });
}

async function expectEndpoint(pool: Pool, organization: string, name: string): Promise<EndpointRecord> {
  const [found] = await listEndpoints(pool, organization as OrganizationId, name);
  if (!found)
    throw new StartupError(`${organization} has no webhook ${name}. See them with: piing webhooks list`);
  return found;
}

function obstacleOf({ organizationId, name, disabledAt, secrets }: EndpointRecord): string | undefined {
  if (disabledAt)
    return `Webhook ${name} is disabled: its receiver answered 410 Gone. Enable it with: piing webhooks enable ${organizationId} ${name}`;
  if (secrets === 0) return `Webhook ${name} has no secret yet. Create the one that its secretRef names.`;
  return undefined;
}

async function outcomeOf(pool: Pool, id: DeliveryId): Promise<DeliveryRecord> {
  for (const deadline = performance.now() + TEST_PATIENCE_MS; performance.now() < deadline; ) {
    const [delivery] = await listDeliveries(pool, { id, limit: 1 });
    if (delivery && delivery.state !== 'PENDING') return delivery;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new StartupError(
    `The message was not sent within ${TEST_PATIENCE_MS / 1_000} s. Is a worker running, and are its places free?`,
  );
}
