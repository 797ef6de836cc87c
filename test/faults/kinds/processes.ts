import { readFile } from 'node:fs/promises';
import { run } from '../../support/run.ts';
import { type Fault, one } from '../fault.ts';
import type { Member, Role } from '../member.ts';

const killOf = (role: Role): Fault => ({
  name: `kill -9 ${role}`,
  lasts: [200, 3_000],
  strike: async (fleet, random) => {
    const member = one(fleet, random, role);
    await member.end();
    return { members: [member], heal: () => member.start() };
  },
});

const restarted: Fault = {
  name: 'told to stop and started again',
  lasts: [0, 2_000],
  strike: async (fleet, random) => {
    const member = one(fleet, random);
    await member.end('SIGTERM');
    return { members: [member], heal: () => member.start() };
  },
};

const stopped = (name: string, lasts: Fault['lasts'], ...roles: readonly Role[]): Fault => ({
  name,
  lasts,
  strike: async (fleet, random) => {
    const member = one(fleet, random, ...roles);
    member.signal('SIGSTOP');
    return { members: [member], heal: async () => member.signal('SIGCONT') };
  },
});

const limit = (pid: number, what: string) => run('prlimit', ['--pid', String(pid), what]);

const noDescriptors: Fault = {
  name: 'out of file descriptors',
  lasts: [2_000, 6_000],
  strike: async (fleet, random) => {
    const member = one(fleet, random);
    const { pid } = member;
    if (pid !== undefined) await limit(pid, '--nofile=24:');
    return {
      members: [member],
      heal: async () => {
        if (pid !== undefined) await limit(pid, '--nofile=1024:');
      },
    };
  },
};

const MEGABYTE = 1024 * 1024;

/** It gets no more memory than it has: it lives on it, or dies of it and is started again. */
const noMemory: Fault = {
  name: 'out of memory',
  lasts: [3_000, 8_000],
  strike: async (fleet, random) => {
    const member = one(fleet, random);
    const { pid } = member;
    if (pid !== undefined) {
      await limit(pid, '--core=0:0');
      await limit(pid, `--as=${(await addressSpace(pid)) + MEGABYTE}:`);
    }
    return {
      members: [member],
      heal: async () => {
        if (pid !== undefined) await limit(pid, '--as=unlimited:');
        await restartIfDead(member, pid);
      },
    };
  },
};

async function restartIfDead(member: Member, pid: number | undefined): Promise<void> {
  if (member.pid !== pid) await member.start();
}

/** Bytes. */
export async function addressSpace(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmSize:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

export const PROCESS_FAULTS: readonly Fault[] = [
  killOf('gateway'),
  killOf('api'),
  killOf('worker'),
  restarted,
  // A job's claim is given to another worker after 20 s of silence.
  stopped('SIGSTOP past the heartbeat, then go on', [24_000, 30_000], 'worker'),
  stopped('SIGSTOP of a door for seconds', [1_000, 6_000], 'gateway', 'api'),
  noDescriptors,
  noMemory,
];
