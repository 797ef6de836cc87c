import Table from 'cli-table3';
import type { AttemptRecord, DeliveryRecord, EndpointRecord } from '../webhooks/queries.ts';
import { PLAIN_TABLE, time } from './uploads-tables.ts';

export function endpointsTable(endpoints: readonly EndpointRecord[]): string {
  if (endpoints.length === 0) return 'No webhooks.';
  const table = new Table({
    ...PLAIN_TABLE,
    head: ['ORGANIZATION', 'WEBHOOK', 'HOST', 'EVENTS', 'PENDING', 'STATUS'],
  });
  for (const endpoint of endpoints) {
    const { organizationId, name, url, events, pending } = endpoint;
    const shortEvents = events.map((event) => event.replace(/^upload\./, '')).join(' ');
    table.push([
      organizationId,
      name,
      URL.canParse(url) ? new URL(url).origin : 'not a URL',
      shortEvents,
      pending,
      statusOf(endpoint),
    ]);
  }
  return table.toString();
}

export function deliveriesTable(deliveries: readonly DeliveryRecord[]): string {
  if (deliveries.length === 0) return 'No deliveries.';
  const table = new Table({
    ...PLAIN_TABLE,
    head: [
      'DELIVERY',
      'CREATED (UTC)',
      'ORGANIZATION',
      'WEBHOOK',
      'TYPE',
      'UPLOAD',
      'STATE',
      'ATTEMPTS',
      'LAST',
    ],
  });
  for (const delivery of deliveries) {
    const { id, createdAt, organizationId, endpoint, type, uploadId, state, attempts } = delivery;
    const last = attempts.at(-1);
    table.push([
      id,
      time(createdAt),
      organizationId,
      endpoint,
      type,
      uploadId ?? '',
      state,
      attempts.length,
      last ? resultOf(last) : '',
    ]);
  }
  return table.toString();
}

export function attemptsTable({ id, attempts }: DeliveryRecord): string {
  const table = new Table({ ...PLAIN_TABLE, head: ['DELIVERY', 'ATTEMPT', 'AT (UTC)', 'TOOK', 'RESULT'] });
  for (const attempt of attempts)
    table.push([
      id,
      attempt.attempt,
      time(new Date(attempt.at)),
      `${attempt.durationMs} ms`,
      resultOf(attempt),
    ]);
  return table.toString();
}

function statusOf({ disabledAt, failingSince, secrets }: EndpointRecord): string {
  if (disabledAt) return `disabled ${time(disabledAt)}: the receiver answered 410 Gone`;
  if (secrets === 0) return 'waiting for its secret';
  if (failingSince) return `failing since ${time(failingSince)}`;
  return secrets > 1 ? 'working, with two secrets' : 'working';
}

function resultOf({ status, error }: AttemptRecord): string {
  return [status ?? '', error ?? 'DELIVERED'].join(' ').trim();
}
