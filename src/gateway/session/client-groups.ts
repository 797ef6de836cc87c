import { ClientFiles } from './client-files.ts';
import type { SftpSession } from './sftp-session.ts';

/** The open sessions of one client, and the files that they share. */
export interface ClientGroup {
  readonly files: ClientFiles;
  readonly sessions: Set<SftpSession>;
}

/** Knows which open sessions belong together: one credential, one address, this process. */
export class ClientGroups {
  readonly #groups = new Map<string, ClientGroup>();
  readonly #maxRemembered: number;

  constructor(maxRememberedFiles: number) {
    this.#maxRemembered = maxRememberedFiles;
  }

  of(clientId: string, remoteAddress: string): ClientGroup {
    const key = `${clientId}@${remoteAddress}`;
    const existing = this.#groups.get(key);
    if (existing) return existing;
    const group = { files: new ClientFiles(this.#maxRemembered), sessions: new Set<SftpSession>() };
    this.#groups.set(key, group);
    return group;
  }

  join(clientId: string, remoteAddress: string, session: SftpSession): void {
    this.of(clientId, remoteAddress).sessions.add(session);
  }

  /** The session is over. What it staged goes to another session of the client, if there is one. */
  leave(clientId: string, remoteAddress: string, session: SftpSession): void {
    const group = this.of(clientId, remoteAddress);
    group.sessions.delete(session);
    const [heir] = group.sessions;
    if (heir) heir.inherit(session);
    else this.#groups.delete(`${clientId}@${remoteAddress}`);
  }
}
