import type { Fleet } from './fleet.ts';
import type { Member, Role } from './member.ts';
import type { Random } from './random.ts';

/** One kind of fault: strikes, lasts and is healed. */
export interface Fault {
  readonly name: string;
  /** How long it lasts, in milliseconds. */
  readonly lasts: readonly [number, number];
  /** What this machine or this fleet lacks for it; default: nothing. */
  lacks?(fleet: Fleet): string | undefined;
  strike(fleet: Fleet, random: Random): Promise<Struck>;
}

export interface Struck {
  heal(): Promise<void>;
  /** The members that were hit themselves: each has to work again for the fleet to have recovered. */
  readonly members?: readonly Member[];
}

export const nothingToHeal: Struck = { heal: async () => undefined };

export const one = (fleet: Fleet, random: Random, ...roles: readonly Role[]): Member =>
  random.pick(fleet.members.filter(({ role }) => roles.length === 0 || roles.includes(role)));
