import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { Clock } from '../support/clock.ts';
import type { Link } from '../support/link.ts';
import { until } from '../support/until.ts';

export type Role = 'gateway' | 'api' | 'worker';

/** After so long a process has started, whatever the machine has to do besides. */
const STARTED_MS = 20_000;
/** How long a process that ended by itself stays away: what watches over it starts it again. */
const AWAY_MS = 1_000;
const MAX_LOG_ENTRIES = 5_000;

export interface MemberOptions {
  readonly name: string;
  readonly role: Role;
  /** Where clients reach it; 0: nobody does. */
  readonly port: number;
  readonly database: Link;
  readonly store: Link | undefined;
  readonly clock: Clock | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Everything that members write to their standard error. */
  readonly log: string[];
}

/** One process of the product, with its own ways to the database and the store, and its own clock. */
export class Member {
  readonly name: string;
  readonly role: Role;
  readonly port: number;
  readonly database: Link;
  readonly store: Link | undefined;
  readonly clock: Clock | undefined;
  /** Where the code is that it runs the next time. */
  directory: string;
  /**
   * With what it ended without having been told to. Not while it started: without a database it ends with a sentence,
   * and whoever watches over it starts it again.
   */
  readonly deaths: string[] = [];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #log: string[];
  #process: ChildProcess | undefined;
  #revival: NodeJS.Timeout | undefined;

  constructor(options: MemberOptions, directory: string) {
    this.name = options.name;
    this.role = options.role;
    this.port = options.port;
    this.database = options.database;
    this.store = options.store;
    this.clock = options.clock;
    this.directory = directory;
    this.#environment = options.environment;
    this.#log = options.log;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Starts it unless it runs, and waits until clients reach it, or for `patienceMs`. */
  async start(patienceMs = 30_000): Promise<void> {
    clearTimeout(this.#revival);
    if (this.#process) return;
    const child = spawn(process.execPath, ['src/main.ts', this.role], {
      cwd: this.directory,
      env: { PATH: process.env.PATH ?? '', ...this.#environment, ...this.clock?.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    const begun = performance.now();
    child.stderr?.on('data', (data: Buffer) => this.#note(String(data)));
    child.once('exit', (code, signal) => {
      if (this.#process !== child) return;
      this.#process = undefined;
      if (performance.now() - begun > STARTED_MS) this.deaths.push(String(code ?? signal));
      this.#note(`ended by itself with ${code ?? signal}\n`);
      this.#revival = setTimeout(() => void this.start(), AWAY_MS);
    });
    if (this.port > 0) await until(() => answers(this.port), patienceMs).catch(() => undefined);
  }

  /** Ends it, for good until somebody starts it. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    clearTimeout(this.#revival);
    const child = this.#process;
    if (!child) return;
    this.#process = undefined;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }

  #note(text: string): void {
    this.#log.push(`${new Date().toISOString()} ${this.name}: ${text}`);
    if (this.#log.length > MAX_LOG_ENTRIES) this.#log.shift();
  }
}

async function answers(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(undefined));
  });
}
