import { setTimeout as sleep } from 'node:timers/promises';
import { FileMaker, type SentFile } from '../../faults/files.ts';
import { type Random, seededRandom } from '../../faults/random.ts';
import { sendFile } from '../../faults/senders.ts';
import type { Tenant } from '../../support/tenants.ts';
import { until } from '../../support/until.ts';

/** Two of each: one may wait for its whole patience for a pod that vanished in the middle of a request. */
const CLIENTS = ['sftp', 'sftp', 'http', 'http'] as const;
type Door = SentFile['door'];
/** How long it may take until everybody is served again. */
const PATIENCE_MS = 180_000;

/** Where clients send to, and as whom. */
export interface Doors {
  readonly tenants: readonly Tenant[];
  /** Ports of 127.0.0.1. */
  readonly ports: Readonly<Record<Door, number>>;
}

/** Clients that send files of the fault campaign, one after the other, and note what they are told. */
export interface Sending {
  sent(): SentFile[];
  /** Until each client has a file acknowledged that it began after this was called. */
  flows(): Promise<void>;
  /** The longest time without any acknowledgement at a door since then, in seconds; `since` is of performance.now(). */
  silence(door: Door, since: number): number;
  /** Ends after the files that are being sent. */
  stop(): Promise<void>;
}

export function startSending(doors: Doors, seed: number): Sending {
  const random = seededRandom(seed);
  const clients = CLIENTS.map((door, index) => new Client(doors, door, index, random.fork()));
  return {
    sent: () => clients.flatMap(({ sent }) => sent),
    flows: async () => {
      const begun = clients.map(({ sent }) => sent.length);
      const waiting = () =>
        clients.filter(({ sent }, index) => !sent.slice(begun[index]).some(isAcknowledged));
      await until(async () => (waiting().length === 0 ? true : undefined), PATIENCE_MS).catch(() => {
        const last = waiting().map(({ sent }) => sent.at(-2)?.reason ?? 'no answer');
        throw new Error(`Nothing was acknowledged any more: ${last.join('; ')}`);
      });
    },
    silence: (door, since) => {
      const moments = clients
        .flatMap(({ sent }) => sent)
        .filter((file) => file.door === door)
        .flatMap(({ acknowledgedAt = 0 }) => (acknowledgedAt > since ? [acknowledgedAt] : []));
      const ordered = [since, ...moments.sort((a, b) => a - b), performance.now()];
      return Math.max(...ordered.map((at, index) => at - (ordered[index - 1] ?? at))) / 1_000;
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.stop()));
    },
  };
}

const isAcknowledged = ({ told }: SentFile) => told === 'acknowledged';

class Client {
  readonly sent: SentFile[] = [];
  readonly door: Door;
  #going = true;
  readonly #running: Promise<void>;

  constructor(doors: Doors, door: Door, index: number, random: Random) {
    this.door = door;
    this.#running = this.#run(doors, index, random);
  }

  async stop(): Promise<void> {
    this.#going = false;
    await this.#running;
  }

  async #run({ tenants, ports }: Doors, index: number, random: Random): Promise<void> {
    const maker = new FileMaker(random.fork(), index);
    while (this.#going) {
      const file = maker.next(random.pick(tenants), `${this.door}-${index}`, this.door);
      this.sent.push(file);
      await sendFile({ port: ports[this.door] }, file);
      await sleep(isAcknowledged(file) ? random.between(0, 300) : random.between(100, 500));
    }
  }
}
