import { type Fault, one } from '../fault.ts';
import type { Random } from '../random.ts';

/** Seconds that a clock jumps: what a wrong time zone does, and what a server that was corrected late does. */
const jump = (random: Random) =>
  (random.chance(0.5) ? 1 : -1) * random.pick([random.between(2, 30), random.between(60, 900), 3_600]);

const lacksClock = (clock: unknown) => (clock ? undefined : 'package faketime');

const clockOfOne: Fault = {
  name: 'the clock of one jumps',
  lasts: [4_000, 12_000],
  lacks: ({ members }) => lacksClock(members[0]?.clock),
  strike: async (fleet, random) => {
    const member = one(fleet, random);
    await member.clock?.set(jump(random));
    return { members: [member], heal: async () => member.clock?.set(0) };
  },
};

const clockOfDatabase: Fault = {
  name: "PostgreSQL's clock jumps",
  lasts: [4_000, 12_000],
  lacks: ({ database }) => lacksClock(database.clock),
  strike: async ({ database }, random) => {
    await database.clock?.set(jump(random));
    return { heal: async () => database.clock?.set(0) };
  },
};

const LEFT_BYTES = 256 * 1024;

const storeFull: Fault = {
  name: "the store's disk full",
  lasts: [2_000, 8_000],
  lacks: ({ store }) => (store.disk ? undefined : 'right to mount a disk'),
  strike: async ({ store }) => {
    await store.disk?.fill(LEFT_BYTES);
    return { heal: async () => store.disk?.free() };
  },
};

export const MACHINE_FAULTS: readonly Fault[] = [clockOfOne, clockOfDatabase, storeFull];
