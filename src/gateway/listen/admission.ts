import { networkOf } from '../../support/addresses.ts';
import type { LimitName, SftpLimits } from '../limits.ts';

/** Who is in the house: counts the process's connections, and says no when a limit is met. */
export class Admission {
  readonly #limits: SftpLimits;
  #connections = 0;
  #unauthenticated = 0;
  readonly #byAddress = new Map<string, number>();
  /** Those that have not logged in, by address or network. */
  readonly #strangers = new Map<string, number>();
  readonly #byOrganization = new Map<string, number>();

  constructor(limits: SftpLimits) {
    this.#limits = limits;
  }

  /** A socket was accepted. Its place is given up by `leave`, also when it was refused. */
  arrive(): { readonly visit: Visit; readonly refused: LimitName | undefined } {
    const refused =
      this.#connections >= this.#limits.connections
        ? 'connections'
        : this.#unauthenticated >= this.#limits.unauthenticated
          ? 'unauthenticated'
          : undefined;
    this.#connections += 1;
    this.#unauthenticated += 1;
    let loggedIn = false;
    let address: string | undefined;
    let organization: string | undefined;
    const visit: Visit = {
      from: (peer) => {
        address = peer;
        const { connectionsPerAddress, unauthenticatedPerAddress } = this.#limits;
        const fits = enter(this.#byAddress, peer, connectionsPerAddress);
        const isNoCrowd = enter(this.#strangers, networkOf(peer), unauthenticatedPerAddress);
        if (!fits) return 'connections-per-address';
        return isNoCrowd ? undefined : 'unauthenticated-per-address';
      },
      loggedIn: (organizationId) => {
        loggedIn = true;
        this.#unauthenticated -= 1;
        if (address !== undefined) leave(this.#strangers, networkOf(address));
        organization = organizationId;
        return enter(this.#byOrganization, organizationId, this.#limits.sessionsPerOrganization);
      },
      leave: () => {
        this.#connections -= 1;
        if (address !== undefined) leave(this.#byAddress, address);
        if (!loggedIn) {
          this.#unauthenticated -= 1;
          if (address !== undefined) leave(this.#strangers, networkOf(address));
        }
        if (organization !== undefined) leave(this.#byOrganization, organization);
      },
    };
    return { visit, refused };
  }
}

/** One connection's places. */
export interface Visit {
  /** The peer's address is known. The limit that is met when too many come from there. */
  from(address: string): LimitName | undefined;
  /** The login succeeded. False when the organization has too many sessions. */
  loggedIn(organizationId: string): boolean;
  /** Call once, at the end. */
  leave(): void;
}

function enter(counts: Map<string, number>, key: string, limit: number): boolean {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count <= limit;
}

function leave(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 0) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
