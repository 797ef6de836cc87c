import type { FastifyReply, FastifyRequest } from 'fastify';
import type { UploadRecord } from '../intake/uploads.ts';
import type { ApiOptions } from './api-options.ts';
import { accessOf } from './authentication.ts';
import type { Lifecycle } from './lifecycle.ts';
import { Places, whenDone } from './places.ts';
import { Problem } from './problems.ts';
import { UploadWatch } from './upload-watch.ts';

type WaitingOptions = Pick<
  ApiOptions,
  'limits' | 'metrics' | 'uploadStatuses' | 'currentAccess' | 'onTenancyChange'
>;

/** A request that waits for an upload. */
export interface Wait {
  /** Aborted when the client is gone, may no longer ask, or the server is about to end. */
  readonly over: AbortSignal;
  /** True when the credential was withdrawn meanwhile. */
  readonly accessLost: () => boolean;
  /** Resolves when the upload may have changed, after `ms` at the latest, or when it is {@link over}. */
  change(upload: UploadRecord, ms: number): Promise<void>;
}

/** The requests of one process that wait: so many in all and of each organization, all looked after by one query. */
export class Waiting {
  readonly #options: WaitingOptions;
  readonly #lifecycle: Lifecycle;
  readonly #places: Places;
  readonly #watch: UploadWatch;

  constructor(options: WaitingOptions, lifecycle: Lifecycle) {
    this.#options = options;
    this.#lifecycle = lifecycle;
    this.#places = new Places(options.limits.waiters, options.limits.waitersPerOrganization);
    this.#watch = new UploadWatch(options.uploadStatuses);
  }

  /** Lasts until the answer is sent or the client is gone. @throws {Problem} when too many wait already */
  begin(request: FastifyRequest, reply: FastifyReply): Wait {
    const place = this.#places.take(accessOf(request).organizationId);
    if (typeof place === 'string') throw this.#tooMany(place);
    const gone = new AbortController();
    const lost = new AbortController();
    const unsubscribe = this.#onAccessLost(request, () => lost.abort());
    whenDone(reply, () => {
      gone.abort();
      unsubscribe();
      place();
    });
    const over = AbortSignal.any([gone.signal, lost.signal, this.#lifecycle.leaving]);
    return {
      over,
      accessLost: () => lost.signal.aborted,
      change: ({ id, status }, ms) =>
        this.#watch.changed(id, status, AbortSignal.any([over, AbortSignal.timeout(Math.ceil(ms))])),
    };
  }

  /** A credential that is withdrawn while its request waits gets nothing more. */
  #onAccessLost(request: FastifyRequest, tell: () => void): () => void {
    const { clientId, organizationId } = accessOf(request);
    return this.#options.onTenancyChange((changed) => {
      if (changed !== undefined && changed !== organizationId) return;
      this.#options.currentAccess({ clientId, remoteAddress: request.ip }).then(
        (decision) => {
          if (!decision.allowed) tell();
        },
        // Without the database nothing new is told either.
        () => undefined,
      );
    });
  }

  #tooMany(reason: 'organization' | 'process'): Problem {
    if (reason === 'organization') {
      this.#options.metrics.httpLimits.inc({ limit: 'waiters-per-organization' });
      const most = this.#options.limits.waitersPerOrganization;
      return new Problem('TOO_MANY_WAITERS', `Your organization has ${most} requests waiting already.`);
    }
    this.#options.metrics.httpLimits.inc({ limit: 'waiters' });
    return new Problem('SERVICE_UNAVAILABLE', 'Too many requests are waiting on this server.');
  }
}
