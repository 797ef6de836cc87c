import { randomBytes } from 'node:crypto';
import type { ApiClient } from './api-client.ts';
import { isNotFound } from './api-error.ts';
import type { Clock } from './clock.ts';
import { type KubernetesObject, pathOf, type ResourceType } from './kubernetes-object.ts';
import type { Logger } from './logger.ts';

const EVENTS: ResourceType = { group: 'events.k8s.io', version: 'v1', kind: 'Event', plural: 'events' };
/** What repeats within this time is the same event, counted. */
const SERIES_MS = 6 * 60_000;
/** A series is written at most this often: what repeats quickly is no news. */
const REFRESH_MS = 60_000;
const MAX_SERIES = 4_096;

export interface EventToRecord {
  readonly type: 'Normal' | 'Warning';
  /** A constant in CamelCase. */
  readonly reason: string;
  /** What was tried, a constant in CamelCase. */
  readonly action: string;
  readonly note: string;
}

/** Tells people what happened to an object. Best effort: whatever has to be acted on stands in the status too. */
export interface EventRecorder {
  record(about: KubernetesObject, event: EventToRecord): void;
  /** Resolves when what was recorded has been sent or given up. */
  flush(): Promise<void>;
}

export interface EventRecorderOptions {
  readonly api: ApiClient;
  readonly controller: string;
  readonly instance: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Series {
  readonly namespace: string;
  readonly name: string;
  count: number;
  seenAt: number;
  writtenAt: number;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { clock, logger } = options;
  const known = new Map<string, Series>();
  let sending: Promise<void> = Promise.resolve();
  const send = (work: () => Promise<unknown>) => {
    sending = sending.then(work).then(
      () => undefined,
      (error: Error) => logger.debug({ reason: error.message }, 'an event could not be recorded'),
    );
  };
  return {
    record: (about, event) => {
      const key = [about.metadata.uid, event.type, event.reason, event.action, event.note].join('\0');
      const now = clock.monotonic();
      const series = known.get(key);
      if (!series || now - series.seenAt > SERIES_MS) {
        const fresh = { ...nameFor(about), count: 1, seenAt: now, writtenAt: now };
        if (known.size >= MAX_SERIES) known.delete(known.keys().next().value ?? key);
        known.delete(key);
        known.set(key, fresh);
        return send(() => create(options, about, event, fresh.name));
      }
      series.count += 1;
      series.seenAt = now;
      if (now - series.writtenAt < REFRESH_MS) return;
      series.writtenAt = now;
      send(() => refresh(options, series, () => known.delete(key)));
    },
    flush: () => sending,
  };
}

function nameFor({ metadata }: KubernetesObject): { namespace: string; name: string } {
  const { namespace, name } = metadata;
  return { namespace, name: `${name.slice(0, 200)}.${randomBytes(8).toString('hex')}` };
}

function create(
  { api, controller, instance, clock }: EventRecorderOptions,
  { apiVersion, kind, metadata }: KubernetesObject,
  { type, reason, action, note }: EventToRecord,
  name: string,
): Promise<unknown> {
  const { namespace, uid, resourceVersion } = metadata;
  const body = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace, name },
    eventTime: microTime(clock.now()),
    reportingController: controller,
    reportingInstance: instance.slice(0, 128),
    action,
    reason,
    type,
    // The API server takes 1024 bytes.
    note: note.length > 1_000 ? `${note.slice(0, 1_000)}…` : note,
    regarding: { apiVersion, kind, namespace, name: metadata.name, uid, resourceVersion },
  };
  return api.request({ method: 'POST', path: pathOf(EVENTS, namespace), body });
}

async function refresh(
  { api, clock }: EventRecorderOptions,
  { namespace, name, count }: Series,
  forget: () => void,
): Promise<void> {
  const path = pathOf(EVENTS, namespace, name);
  const body = { series: { count, lastObservedTime: microTime(clock.now()) } };
  const contentType = 'application/merge-patch+json';
  try {
    await api.request({ method: 'PATCH', path, body, contentType });
  } catch (error) {
    // The API server keeps events for an hour.
    if (!isNotFound(error)) throw error;
    forget();
  }
}

function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}
