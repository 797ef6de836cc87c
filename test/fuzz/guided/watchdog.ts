import { writeSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { keep } from '../corpus.ts';

/** Nothing that the targets take may keep them busy for so long. */
const HANG_MS = 60_000;
const LOOKS = 20;
const STDERR = 2;

interface Shared {
  readonly target: string;
  readonly hangMs: number;
  /** The number of the execution, and the length of its input; a length of -1: none is running. */
  readonly state: Int32Array;
  readonly input: Uint8Array;
}

/** Watches from a thread of its own: code that never ends cannot be stopped by its own thread. */
export class Watchdog {
  readonly #shared: Shared;
  readonly #worker: Worker;

  constructor(target: string, maxBytes: number, hangMs = HANG_MS) {
    this.#shared = {
      target,
      hangMs,
      state: new Int32Array(new SharedArrayBuffer(8)),
      input: new Uint8Array(new SharedArrayBuffer(maxBytes)),
    };
    this.end();
    this.#worker = new Worker(new URL(import.meta.url), { workerData: this.#shared });
    this.#worker.unref();
  }

  begin(input: Buffer): void {
    const { state, input: shared } = this.#shared;
    shared.set(input.subarray(0, shared.length));
    Atomics.add(state, 0, 1);
    Atomics.store(state, 1, input.length);
  }

  end(): void {
    Atomics.store(this.#shared.state, 1, -1);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Keeps the input that hangs and ends the process, which can do neither itself. */
function watch({ target, hangMs, state, input }: Shared): void {
  let before = -1;
  let since = performance.now();
  setInterval(() => {
    const [execution = 0, length = -1] = state;
    if (length < 0 || execution !== before) {
      before = execution;
      since = performance.now();
      return;
    }
    if (performance.now() - since < hangMs) return;
    const path = keep(target, Buffer.from(input.subarray(0, length)));
    // The streams of a worker are written by the thread that hangs.
    writeSync(STDERR, `${path}: no end after ${hangMs} ms\n`);
    process.kill(process.pid, 'SIGKILL');
  }, hangMs / LOOKS);
}

if (!isMainThread && workerData?.state instanceof Int32Array) watch(workerData as Shared);
