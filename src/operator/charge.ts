import type { Pool } from '../database/pool.ts';
import type { Logger } from '../telemetry/logger.ts';
import {
  type ClaimResult,
  claimNamespaces,
  type OperatorRecord,
  renewClaim,
} from '../tenancy/operator-claims.ts';
import type { Fence } from '../tenancy/write-context.ts';
import { type Clock, sleep } from './runtime/clock.ts';

/** How often the database is told that this install is still there. */
const RENEW_MS = 30_000;
/** How often an install that was refused asks again: it may have been put in charge. */
const ASK_AGAIN_MS = 5_000;

/** Another process or another install writes the tenants of these namespaces: this transaction changed nothing. */
export class NotInChargeError extends Error {
  override readonly name = 'NotInChargeError';

  constructor() {
    super(
      'This process is not in charge of its namespaces in the database any more, so nothing was written.',
    );
  }
}

export interface ChargeOptions {
  readonly pool: Pool;
  /** The id of this install, once it leads. */
  readonly id: () => string;
  /** Null: all. */
  readonly namespaces: readonly string[] | null;
  /** This process, for people. */
  readonly host: string;
  /** UIDs of the Organizations that it knows. */
  readonly resourceUids: () => readonly string[];
  /** False: another process of this install may lead. */
  readonly mayAsk: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with whether another install keeps this one from working. */
  readonly onRefused: (refused: boolean) => void;
  /** Called when another install has been put in charge while this one worked: it has to end. */
  readonly onLost: () => void;
}

/**
 * Sees to it that one install of the operator, and one process of that, writes the tenants of a namespace. The Lease
 * alone cannot: another cluster has another one, and a process that was stopped in the middle of a transaction would
 * finish it.
 */
export class Charge {
  readonly #options: ChargeOptions;
  /** As of when this process began to lead: a Lease that is deleted meanwhile comes back with another UID. */
  #id = '';
  #term: number | undefined;
  #rival: OperatorRecord | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: ChargeOptions) {
    this.#options = options;
  }

  /** For every transaction. Asks again when the database has forgotten this install, as after a restore. */
  readonly fence: Fence = async (client) => {
    const text = 'SELECT piing.operator_may_write($1, $2) AS "mayWrite"';
    const { rows } = await client.query<{ mayWrite: boolean }>(text, [this.#id, this.#term ?? 0]);
    if (rows[0]?.mayWrite) return;
    void this.#ask();
    throw new NotInChargeError();
  };

  /** Why this install does nothing; undefined when it works, or does not lead. */
  get problem(): string | undefined {
    return this.#rival && this.#describeRefusal(this.#rival);
  }

  /** Resolves when this install is in charge, or the signal aborts; keeps it in charge until then. */
  async take(signal: AbortSignal): Promise<void> {
    const { clock, id } = this.#options;
    this.#id = id();
    while (!signal.aborted) {
      await this.#ask();
      if (this.#term !== undefined) break;
      await sleep(clock, ASK_AGAIN_MS, signal);
    }
    void this.#keep(signal);
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { clock, pool, logger } = this.#options;
    for (;;) {
      await sleep(clock, RENEW_MS, signal);
      if (signal.aborted) return;
      try {
        if (!(await renewClaim(pool, this.#id, this.#term ?? 0))) await this.#ask();
      } catch (error) {
        logger.warn({ err: error }, 'the database could not be told that this operator works');
      }
    }
  }

  /** Those who ask meanwhile wait for the same answer. Never rejects. */
  #ask(): Promise<void> {
    this.#asking ??= this.#claim().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #claim(): Promise<void> {
    const { pool, namespaces, host, resourceUids, mayAsk, logger } = this.#options;
    if (!mayAsk()) return;
    try {
      const claim = { id: this.#id, namespaces, host, resourceUids: resourceUids() };
      this.#heed(await claimNamespaces(pool, claim));
    } catch (error) {
      logger.warn({ err: error }, 'the database could not be asked who is in charge; trying again');
    }
  }

  #heed(result: ClaimResult): void {
    const { logger, onRefused, onLost } = this.#options;
    const before = { term: this.#term, rival: this.#rival };
    this.#term = 'term' in result ? result.term : undefined;
    this.#rival = 'rival' in result ? result.rival : undefined;
    onRefused(this.#rival !== undefined);
    if (this.#rival && before.rival?.id !== this.#rival.id)
      logger.error({ rival: this.#rival.id }, this.#describeRefusal(this.#rival));
    if (this.#rival && before.term !== undefined) onLost();
  }

  #describeRefusal({ id, namespaces, host, seenAt }: OperatorRecord): string {
    const seen = `last seen ${seenAt.toISOString().slice(0, 19)}Z on ${host}`;
    return `Another operator is in charge of ${namesOf(namespaces)} in this database: ${id}, ${seen}. This one (${this.#id}) asks for ${namesOf(this.#options.namespaces)} and writes nothing, because each would close the doors of the other's tenants. Give each a database or PIING_WATCH_NAMESPACES of its own. If this one is to take its place: piing operators put-in-charge ${this.#id}`;
  }
}

function namesOf(namespaces: readonly string[] | null): string {
  if (!namespaces) return 'all namespaces';
  return `${namespaces.length === 1 ? 'namespace' : 'namespaces'} ${namespaces.join(', ')}`;
}
