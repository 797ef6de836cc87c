import type { Fault } from './fault.ts';
import type { Fleet } from './fleet.ts';
import { DATABASE_FAULTS } from './kinds/database.ts';
import { LINK_FAULTS } from './kinds/links.ts';
import { MACHINE_FAULTS } from './kinds/machine.ts';
import { PROCESS_FAULTS } from './kinds/processes.ts';

/** Everything that happens to a fleet while files flow. */
const FAULTS: readonly Fault[] = [...PROCESS_FAULTS, ...LINK_FAULTS, ...DATABASE_FAULTS, ...MACHINE_FAULTS];

export interface FaultsHere {
  readonly possible: readonly Fault[];
  /** Names, each with what it lacks. */
  readonly leftOut: readonly string[];
}

export function faultsFor(fleet: Fleet): FaultsHere {
  return {
    possible: FAULTS.filter((fault) => fault.lacks?.(fleet) === undefined),
    leftOut: FAULTS.flatMap((fault) => {
      const lacks = fault.lacks?.(fleet);
      return lacks === undefined ? [] : [`${fault.name} (no ${lacks})`];
    }),
  };
}
