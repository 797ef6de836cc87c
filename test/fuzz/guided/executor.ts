import { getHeapStatistics } from 'node:v8';
import type { Coverage, Feature } from './coverage.ts';
import type { Watchdog } from './watchdog.ts';

/** An input that takes longer, twice, is a finding. The machine may be busy, so that is long. */
const SLOW_MS = 3_000;
/** As is one after which so much more memory is in use, twice. */
const LARGE_BYTES = 256 * 1024 * 1024;

export interface Execution {
  readonly features: readonly Feature[];
  readonly error: Error | undefined;
}

/** Runs inputs one after the other and tells what each reached, and what it broke. */
export class Executor {
  executions = 0;
  readonly #check: (input: Buffer) => Promise<void> | void;
  readonly #coverage: Coverage;
  readonly #watchdog: Watchdog | undefined;
  #stray: Error | undefined;

  constructor(
    check: (input: Buffer) => Promise<void> | void,
    coverage: Coverage,
    watchdog?: Watchdog | undefined,
  ) {
    this.#check = check;
    this.#coverage = coverage;
    this.#watchdog = watchdog;
  }

  /** An error that nobody caught; the input at hand has caused it. */
  readonly fail = (error: unknown): void => {
    this.#stray ??= asError(error);
  };

  async run(input: Buffer): Promise<Execution> {
    const first = await this.#measured(input);
    if (first.error || !first.excess) return first;
    // Once may be the machine, or the collector.
    const again = await this.#measured(input);
    return { features: again.features, error: again.error ?? again.excess };
  }

  async #measured(input: Buffer): Promise<Execution & { readonly excess: Error | undefined }> {
    this.executions += 1;
    this.#watchdog?.begin(input);
    this.#coverage.begin();
    const memory = memoryInUse();
    const began = performance.now();
    let error: Error | undefined;
    try {
      await this.#check(input);
    } catch (thrown) {
      error = asError(thrown);
    }
    const features = this.#coverage.features();
    const milliseconds = performance.now() - began;
    const bytes = memoryInUse() - memory;
    this.#watchdog?.end();
    error ??= this.#stray;
    this.#stray = undefined;
    return { features, error, excess: excessOf(milliseconds, bytes) };
  }
}

function excessOf(milliseconds: number, bytes: number): Error | undefined {
  if (milliseconds > SLOW_MS) return new Error(`it took more than ${SLOW_MS} ms`);
  if (bytes > LARGE_BYTES) return new Error(`it left more than ${LARGE_BYTES} bytes in memory`);
  return undefined;
}

function memoryInUse(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/** The same for the same mistake: the kind of error and where it came from, without what the input had in it. */
export function signatureOf({ name, message, stack = '' }: Error): string {
  const places = [...stack.matchAll(/\/((?:src|test|node_modules)\/[^\s)]+:\d+):\d+/g)].slice(0, 2);
  const texts = places.map(([, place]) => place);
  return [name, ...(texts.length > 0 ? texts : [message.replace(/\d+/g, '0').slice(0, 60)])].join(' ');
}
