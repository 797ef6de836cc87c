import type { LinkState } from '../support/link.ts';
import { run } from '../support/run.ts';
import type { Fleet, Member } from './fleet.ts';
import type { Random } from './random.ts';

/** One kind of fault: strikes, lasts and is healed. */
export interface Fault {
  readonly name: string;
  /** Resolves with what heals it. */
  strike(fleet: Fleet, random: Random): Promise<() => Promise<void>>;
  /** How long it lasts, in milliseconds. */
  readonly lasts: readonly [number, number];
}

const one = (fleet: Fleet, random: Random, role?: Member['role']) =>
  random.pick(fleet.members.filter((member) => role === undefined || member.role === role));

function killOf(role: Member['role']): Fault {
  return {
    name: `kill -9 ${role}`,
    lasts: [200, 3_000],
    strike: async (fleet, random) => {
      const member = one(fleet, random, role);
      await fleet.kill(member);
      return () => fleet.start(member);
    },
  };
}

/** Makes one member's link bad; all members' with `everybody`. */
function linkFault(
  name: string,
  which: 'database' | 'store',
  state: (random: Random) => LinkState,
  lasts: Fault['lasts'],
  everybody = false,
): Fault {
  return {
    name,
    lasts,
    strike: async (fleet, random) => {
      const struck = everybody ? fleet.members : [one(fleet, random)];
      const bad = state(random);
      for (const member of struck) member[which].set(bad);
      return async () => {
        for (const member of struck) member[which].set({ kind: 'open' });
      };
    },
  };
}

const frozen: Fault = {
  name: 'SIGSTOP past the heartbeat, then go on',
  // A job's claim is given to another worker after 20 s of silence.
  lasts: [24_000, 30_000],
  strike: async (fleet, random) => {
    const member = one(fleet, random, 'worker');
    const child = member.process;
    child?.kill('SIGSTOP');
    return async () => {
      child?.kill('SIGCONT');
    };
  },
};

const pausedDoor: Fault = {
  name: 'SIGSTOP of a door for seconds',
  lasts: [1_000, 6_000],
  strike: async (fleet, random) => {
    const child = one(fleet, random, random.pick(['gateway', 'api'] as const)).process;
    child?.kill('SIGSTOP');
    return async () => {
      child?.kill('SIGCONT');
    };
  },
};

const databaseCrash: Fault = {
  name: 'PostgreSQL crashes and recovers',
  lasts: [0, 0],
  strike: async (fleet) => {
    await fleet.crashDatabase();
    return async () => undefined;
  },
};

const failover: Fault = {
  name: 'failover: connections cut, then read-only',
  lasts: [1_000, 5_000],
  strike: async (fleet) => {
    const setReadOnly = async (value: 'on' | 'off') => {
      await fleet.pool.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
      await fleet.pool.query('SELECT pg_reload_conf()');
    };
    await setReadOnly('on');
    for (const { database } of fleet.members) database.cut();
    return async () => {
      await fleet.pool.query('SET default_transaction_read_only = off');
      await setReadOnly('off');
    };
  },
};

const cutConnections: Fault = {
  name: 'all connections to the database cut',
  lasts: [0, 0],
  strike: async (fleet) => {
    for (const { database } of fleet.members) database.cut();
    return async () => undefined;
  },
};

const noDescriptors: Fault = {
  name: 'out of file descriptors',
  lasts: [2_000, 6_000],
  strike: async (fleet, random) => {
    const pid = one(fleet, random).process?.pid;
    const limit = (count: string) => run('prlimit', ['--pid', String(pid), `--nofile=${count}:`]);
    if (pid !== undefined) await limit('24');
    return async () => {
      if (pid !== undefined) await limit('1024');
    };
  },
};

const direction = (random: Random) => random.pick(['both', 'server', 'client'] as const);

/** Everything that happens to the fleet while files flow. */
export const FAULTS: readonly Fault[] = [
  killOf('gateway'),
  killOf('api'),
  killOf('worker'),
  frozen,
  pausedDoor,
  databaseCrash,
  failover,
  cutConnections,
  linkFault('database out of reach of one', 'database', () => ({ kind: 'refused' }), [1_000, 8_000]),
  linkFault('database out of reach of all', 'database', () => ({ kind: 'refused' }), [1_000, 8_000], true),
  linkFault(
    'database silent in a direction',
    'database',
    (random) => ({ kind: 'silent', towards: direction(random) }),
    [2_000, 12_000],
  ),
  linkFault(
    'database slow',
    'database',
    (random) => ({ kind: 'open', delayMs: random.between(20, 200) }),
    [2_000, 6_000],
  ),
  linkFault('store out of reach', 'store', () => ({ kind: 'refused' }), [1_000, 8_000], true),
  linkFault(
    'store answers 503',
    'store',
    () => ({ kind: 'answers', status: '503 Slow Down' }),
    [1_000, 6_000],
    true,
  ),
  linkFault(
    'store answers 500',
    'store',
    () => ({ kind: 'answers', status: '500 Internal Error' }),
    [1_000, 6_000],
  ),
  linkFault(
    'store refuses the credentials',
    'store',
    () => ({ kind: 'answers', status: '403 Forbidden' }),
    [1_000, 4_000],
  ),
  linkFault(
    'store silent in a direction',
    'store',
    (random) => ({ kind: 'silent', towards: direction(random) }),
    [2_000, 12_000],
  ),
  linkFault(
    'store slow',
    'store',
    (random) => ({ kind: 'open', delayMs: random.between(50, 500) }),
    [2_000, 8_000],
  ),
  noDescriptors,
];
