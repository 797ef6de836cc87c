import pg from 'pg';
import { run } from '../../support/run.ts';
import { type Fault, nothingToHeal } from '../fault.ts';
import { cutAll } from './links.ts';
import { addressSpace } from './processes.ts';

const crash: Fault = {
  name: 'PostgreSQL crashes and recovers',
  lasts: [0, 0],
  strike: async (fleet) => {
    await fleet.database.crash();
    return nothingToHeal;
  },
};

const failover: Fault = {
  name: 'failover: connections cut, then read-only',
  lasts: [1_000, 5_000],
  strike: async (fleet) => {
    const setReadOnly = async (value: 'on' | 'off') => {
      const client = await fleet.pool.connect();
      try {
        await client.query('SET default_transaction_read_only = off');
        await client.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
        await client.query('SELECT pg_reload_conf()');
      } finally {
        client.release(true);
      }
    };
    await setReadOnly('on');
    cutAll(fleet);
    return { heal: () => setReadOnly('off') };
  },
};

const cutConnections: Fault = {
  name: 'all connections to the database cut',
  lasts: [0, 0],
  strike: async (fleet) => {
    cutAll(fleet);
    return nothingToHeal;
  },
};

/** What it works with from now on; commits that have to write more fail, down to a panic that ends the server. */
const LEFT_BYTES = 64 * 1024;

const diskFull: Fault = {
  name: "PostgreSQL's disk full",
  lasts: [3_000, 10_000],
  lacks: ({ database }) => (database.disk ? undefined : 'right to mount a disk'),
  strike: async ({ database }) => {
    await database.disk?.fill(LEFT_BYTES);
    return {
      heal: async () => {
        await database.disk?.free();
        await database.revive();
      },
    };
  },
};

const noConnections: Fault = {
  name: 'PostgreSQL has no connection left',
  lasts: [2_000, 6_000],
  strike: async (fleet) => {
    const taken: pg.Client[] = [];
    for (;;) {
      const client = new pg.Client({ connectionString: fleet.database.url });
      client.on('error', () => undefined);
      try {
        await client.connect();
        taken.push(client);
      } catch {
        break;
      }
    }
    // Whoever loses a connection now gets no other.
    cutAll(fleet);
    return {
      heal: async () => {
        await Promise.all(taken.map((client) => client.end().catch(() => undefined)));
      },
    };
  },
};

const noMemory: Fault = {
  name: 'PostgreSQL out of memory',
  lasts: [2_000, 8_000],
  strike: async ({ database }) => {
    const pids = await database.processes();
    const limit = async (bytes: (pid: number) => Promise<number | 'unlimited'>, whom: readonly number[]) => {
      for (const pid of whom) await run('prlimit', ['--pid', String(pid), `--as=${await bytes(pid)}:`]);
    };
    await limit(addressSpace, pids);
    return {
      heal: async () => {
        await limit(async () => 'unlimited', await database.processes().catch(() => []));
        await database.revive();
      },
    };
  },
};

export const DATABASE_FAULTS: readonly Fault[] = [
  crash,
  failover,
  cutConnections,
  diskFull,
  noConnections,
  noMemory,
];
