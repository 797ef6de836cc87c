import { until } from '../support/until.ts';
import type { SentFile } from './files.ts';
import type { Fleet } from './fleet.ts';
import type { Member } from './member.ts';

const PATIENCE_MS = 120_000;

/** How a fault was felt, in seconds. */
export interface Recovery {
  /** From its healing until files that were sent after it were acknowledged, by each door that it had hit. */
  readonly acknowledged: number;
  /** From its healing until these files had become rows, or had ended as they should. */
  readonly processed: number;
}

/** Watches what senders are told. */
export class Watch {
  readonly #everything: () => readonly SentFile[];
  readonly #timer: NodeJS.Timeout;
  #acknowledged = 0;
  #since = performance.now();
  #longest = 0;

  constructor(everything: () => readonly SentFile[]) {
    this.#everything = everything;
    this.#timer = setInterval(() => this.#look(), 100);
  }

  /** The longest time without any acknowledgement, in seconds. */
  get longestStall(): number {
    return this.#longest / 1_000;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = this.#everything().filter(({ told }) => told === 'acknowledged').length;
    this.#longest = Math.max(this.#longest, performance.now() - this.#since);
    if (now === this.#acknowledged) return;
    this.#acknowledged = now;
    this.#since = performance.now();
  }

  /** Waits until the members that were hit, or any door, do their work again from the door to the rows. */
  async recovery({ pool }: Fleet, members: readonly Member[] = []): Promise<Recovery> {
    const healed = performance.now();
    const since = () => (performance.now() - healed) / 1_000;
    const doors: readonly (Member | undefined)[] = members.filter(({ port }) => port > 0);
    const names = await Promise.all(
      (doors.length > 0 ? doors : [undefined]).map((door) =>
        until(async () => this.#acknowledgedSince(healed, door), PATIENCE_MS).catch(() => undefined),
      ),
    );
    const acknowledged = since();
    await until(async () => {
      const { rows } = await pool.query<{ open: number }>(
        `SELECT count(*)::int AS open FROM piing.uploads WHERE file_name = ANY($1) AND status IN ('PENDING', 'PROCESSING')`,
        [names.filter((name) => name !== undefined)],
      );
      return rows[0]?.open === 0 ? true : undefined;
    }, PATIENCE_MS).catch(() => undefined);
    return { acknowledged, processed: since() };
  }

  #acknowledgedSince(time: number, door: Member | undefined): string | undefined {
    return this.#everything().findLast(
      (file) =>
        file.begunAt > time && file.told === 'acknowledged' && (door === undefined || file.via === door.name),
    )?.name;
  }
}
