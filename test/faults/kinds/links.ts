import type { LinkState } from '../../support/link.ts';
import { type Fault, one } from '../fault.ts';
import type { Fleet } from '../fleet.ts';
import type { Random } from '../random.ts';

interface LinkFault {
  readonly name: string;
  readonly lasts: Fault['lasts'];
  readonly everybody?: boolean;
  readonly state: (random: Random) => LinkState;
}

const toWhat = { database: 'way to the database', store: 'S3 server' } as const;

/** Makes one member's link bad, or all of theirs. */
const linkFault = (which: keyof typeof toWhat, { name, lasts, everybody, state }: LinkFault): Fault => ({
  name: `${which} ${name}`,
  lasts,
  lacks: (fleet) => (fleet.members[0]?.[which] ? undefined : toWhat[which]),
  strike: async (fleet, random) => {
    const members = everybody ? fleet.members : [one(fleet, random)];
    const bad = state(random);
    for (const member of members) member[which]?.set(bad);
    return {
      members,
      heal: async () => {
        for (const member of members) member[which]?.set({ kind: 'open' });
      },
    };
  },
});

export const cutAll = ({ members }: Fleet) => {
  for (const { database } of members) database.cut();
};

const SECONDS = [1_000, 8_000] as const;
const LONGER = [2_000, 12_000] as const;
const silent = (random: Random): LinkState => ({
  kind: 'silent',
  towards: random.pick(['both', 'server', 'client'] as const),
});
const answers = (status: string) => (): LinkState => ({ kind: 'answers', status });
const refused = (): LinkState => ({ kind: 'refused' });
const slow = (least: number, most: number) => (random: Random) => ({
  kind: 'open' as const,
  delayMs: random.between(least, most),
});

export const LINK_FAULTS: readonly Fault[] = [
  linkFault('database', { name: 'out of reach of one', lasts: SECONDS, state: refused }),
  linkFault('database', { name: 'out of reach of all', lasts: SECONDS, everybody: true, state: refused }),
  linkFault('database', { name: 'silent in a direction', lasts: LONGER, state: silent }),
  linkFault('database', { name: 'slow', lasts: [2_000, 6_000], state: slow(20, 200) }),
  linkFault('store', { name: 'out of reach', lasts: SECONDS, everybody: true, state: refused }),
  linkFault('store', {
    name: 'answers 503',
    lasts: [1_000, 6_000],
    everybody: true,
    state: answers('503 Slow Down'),
  }),
  linkFault('store', { name: 'answers 500', lasts: [1_000, 6_000], state: answers('500 Internal Error') }),
  linkFault('store', {
    name: 'refuses the credentials',
    lasts: [1_000, 4_000],
    state: answers('403 Forbidden'),
  }),
  linkFault('store', { name: 'silent in a direction', lasts: LONGER, state: silent }),
  linkFault('store', { name: 'slow', lasts: [2_000, 8_000], state: slow(50, 500) }),
];
