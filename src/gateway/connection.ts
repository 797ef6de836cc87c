import { Refusal } from '../intake/refusal.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Access } from '../tenancy/access.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { announceHostKeys } from './host-key-announcement.ts';
import type { LimitReport } from './limit-report.ts';
import type { LimitName } from './limits.ts';
import type { Visitor } from './listen/front-door.ts';
import { Login } from './login.ts';
import { refusePrograms } from './other-programs.ts';
import { RekeyMeter } from './rekey-meter.ts';
import type { ClientGroups } from './session/client-groups.ts';
import { ReadAhead, type ReadAheadBudget } from './session/read-ahead.ts';
import { SftpChannel } from './session/sftp-channel.ts';
import { SftpSession } from './session/sftp-session.ts';
import type { ServerChannel, Session, SshConnection } from './ssh2/index.ts';
import { DISCONNECT, disconnect } from './ssh2/messages.ts';

/** After a disconnect message, how long a peer may take to read it and to close its side. */
const CLOSE_PATIENCE_MS = 5_000;

export interface ConnectionOptions extends Omit<GatewayOptions, 'host' | 'port' | 'changes' | 'proxyRanges'> {
  readonly report: LimitReport;
  readonly budget: ReadAheadBudget;
  readonly groups: ClientGroups;
  readonly isDraining: () => boolean;
}

/** Made once: without a reason each abort makes an error with its stack. */
const CLOSED = new Error('The connection is closed.');

/** One SSH connection from its first line to its last byte. */
export class Connection {
  readonly #ssh: SshConnection;
  readonly #visitor: Visitor;
  readonly #options: ConnectionOptions;
  readonly #closed = new AbortController();
  readonly #readAhead: ReadAhead;
  readonly #sessions = new Set<SftpSession>();
  readonly #running = new Set<Promise<void>>();
  #logger: Logger;
  #access: Access | undefined;
  #openChannels = 0;
  #lastActive = performance.now();
  #ending = false;
  #rechecking: Promise<void> = Promise.resolve();

  constructor(ssh: SshConnection, visitor: Visitor, options: ConnectionOptions) {
    this.#ssh = ssh;
    this.#visitor = visitor;
    this.#options = options;
    this.#logger = options.logger.child({ remoteAddress: visitor.address });
    this.#readAhead = new ReadAhead(visitor.socket, options.budget, options.limits);
    const login = new Login({
      ...options,
      remoteAddress: visitor.address,
      logger: this.#logger,
      closed: this.#closed.signal,
      onAccepted: (access) => this.#enter(access),
      disconnect: (reason, sentence, limit) => this.#disconnect(reason, sentence, limit),
    });
    const rekeys = new RekeyMeter(visitor.socket);
    // Each of these objects ends the process when nobody listens to its errors.
    ssh.on('error', (error) => this.#logger.debug({ reason: error.message }, 'SSH connection error'));
    ssh.on('authentication', (context) => void login.attempt(context));
    ssh.on('ready', () => announceHostKeys(ssh, options.hostKeys));
    ssh.on('rekey', () => {
      if (rekeys.isTooMany())
        this.#disconnect(DISCONNECT.PROTOCOL_ERROR, 'Too many key exchanges.', 'rekeys');
    });
    ssh.on('session', (accept, reject) => this.#openSession(accept, reject));
    ssh.on('close', () => this.#closed.abort(CLOSED));
  }

  get organizationId(): string | undefined {
    return this.#access?.organizationId;
  }

  get unfinishedUploads(): number {
    return [...this.#sessions].reduce((sum, session) => sum + session.unfinishedUploads, 0);
  }

  /** Resolves when the connection is gone and everything that it left open has been abandoned. */
  async finished(): Promise<void> {
    if (!this.#closed.signal.aborted) {
      await new Promise<void>((resolve) => this.#closed.signal.addEventListener('abort', () => resolve()));
    }
    await Promise.all(this.#running);
  }

  /** Ends the connection; its open uploads are abandoned with this reason. */
  async end(reason: Refusal): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    await Promise.all([...this.#sessions].map((session) => session.abandonAll(reason)));
    this.#disconnect(DISCONNECT.BY_APPLICATION, reason.message);
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.#visitor.socket.destroy();
  }

  /** Ends what has taken too long by now, in milliseconds of the monotonic clock: the other one is set at times. */
  checkTime(now: number): void {
    const { limits, budget } = this.#options;
    if (!this.#access || this.#ending) return;
    const unread = this.#readAhead.unreadFor(now);
    if (unread > limits.unreadMs || (unread > 0 && budget.exceeded)) {
      this.#met('unread-replies');
      void this.end(new Refusal('INCOMPLETE_FILE', 'The replies were not read. Connect again.'));
      return;
    }
    for (const session of this.#sessions) {
      if (session.busy) this.#lastActive = now;
      void session.abandonOlderThan(now - limits.uploadMs, () => this.#met('upload-time'));
    }
    const receiving = [...this.#sessions].some((session) => session.receiving);
    const quiet = now - this.#lastActive;
    if (receiving && quiet > limits.stallMs) {
      this.#met('stalled');
      void this.end(new Refusal('INCOMPLETE_FILE', 'No byte came for too long. Send the file again.'));
    } else if (!receiving && quiet > limits.idleMs) {
      this.#met('idle');
      void this.end(new Refusal('INCOMPLETE_FILE', 'The session was idle for too long.'));
    }
  }

  /** The tenancy changed: what is no longer allowed ends now. Calls run one after the other. */
  recheck(): Promise<void> {
    this.#rechecking = this.#rechecking
      .then(() => this.#recheck())
      .catch((error: unknown) => {
        this.#logger.warn({ err: error }, 'access could not be checked again; the session goes on');
      });
    return this.#rechecking;
  }

  async #recheck(): Promise<void> {
    if (!this.#access || this.#closed.signal.aborted) return;
    const { clientId } = this.#access;
    const remoteAddress = this.#visitor.address;
    const decision = await this.#options.currentAccess({ clientId, remoteAddress });
    if (decision.allowed) {
      this.#access = decision.access;
      await Promise.all([...this.#sessions].map((session) => session.applyAccess()));
      return;
    }
    this.#logger.warn({ reason: decision.reason }, 'access withdrawn; session ended');
    await this.end(
      new Refusal(
        'ACCESS_REVOKED',
        'This credential may no longer send files. Ask your Piing administrator.',
      ),
    );
  }

  /** False when there is no room for one more session of the organization. */
  #enter(access: Access): boolean {
    const { organizationId, clientId } = access;
    this.#logger = this.#logger.child({ organizationId, clientId });
    if (!this.#visitor.visit.loggedIn(organizationId)) {
      this.#disconnect(
        DISCONNECT.TOO_MANY_CONNECTIONS,
        `Your organization has ${this.#options.limits.sessionsPerOrganization} open sessions, the most that is allowed. Close some.`,
        'sessions-per-organization',
      );
      return false;
    }
    this.#visitor.loggedIn();
    this.#access = access;
    this.#lastActive = performance.now();
    return true;
  }

  #openSession(accept: () => Session, reject: () => void): void {
    if (this.#openChannels >= this.#options.limits.channels) {
      this.#met('channels');
      reject();
      return;
    }
    const session = accept();
    this.#openChannels += 1;
    session.once('close', () => {
      this.#openChannels -= 1;
    });
    session.on('error', (error: Error) => this.#logger.debug({ reason: error.message }, 'SSH session error'));
    session.on('subsystem', (acceptChannel, rejectChannel, info) => {
      if (info.name !== 'sftp') return rejectChannel();
      const run = this.#runChannel(acceptChannel());
      this.#running.add(run);
      void run.finally(() => this.#running.delete(run));
    });
    refusePrograms(session, this.#logger);
    // Everything else (forwarding, environment, terminals) is refused by ssh2 when nobody listens.
  }

  async #runChannel(channel: ServerChannel): Promise<void> {
    channel.on('error', (error: Error) => this.#logger.debug({ reason: error.message }, 'SSH channel error'));
    channel.on('data', () => {
      this.#lastActive = performance.now();
    });
    const { clientId } = this.#currentAccess();
    const { address } = this.#visitor;
    const { groups } = this.#options;
    const session = new SftpSession({
      ...this.#options,
      files: groups.of(clientId, address).files,
      access: () => this.#currentAccess(),
      remoteAddress: address,
      logger: this.#logger,
      draining: this.#options.isDraining,
      onLimit: (limit) => this.#met(limit),
      onRefused: (code, reason) => this.#options.report.refused(code, reason, this.#logger),
      onAnswered: (type, count, seconds) => this.#options.report.answered(type, count, seconds),
      ahead: { reserve: (bytes) => this.#reserveAhead(bytes) },
    });
    this.#sessions.add(session);
    groups.join(clientId, address, session);
    try {
      const { finished } = new SftpChannel({
        channel,
        session,
        readAhead: this.#readAhead,
        logger: this.#logger,
        closed: this.#closed.signal,
      });
      await finished;
      groups.leave(clientId, address, session);
      if (session.unfinishedUploads > 0)
        await session.abandonAll(
          new Refusal('INCOMPLETE_FILE', 'The connection ended before the file was complete.'),
        );
    } finally {
      this.#sessions.delete(session);
    }
  }

  #reserveAhead(bytes: number): boolean {
    if (bytes > 0 && this.#readAhead.held + bytes > this.#options.limits.aheadBytes) {
      this.#met('ahead-bytes');
      return false;
    }
    this.#readAhead.hold(bytes);
    return true;
  }

  #currentAccess(): Access {
    if (!this.#access) throw new Refusal('ACCESS_REVOKED', 'This session is not logged in.');
    return this.#access;
  }

  #met(limit: LimitName): void {
    this.#options.report.met(limit, this.#logger);
  }

  #disconnect(reason: number, sentence: string, limit?: LimitName): void {
    if (limit) this.#met(limit);
    this.#logger.debug({ reason: sentence }, 'SSH connection ended by the gateway');
    disconnect(this.#ssh, reason, sentence);
    setTimeout(() => this.destroy(), CLOSE_PATIENCE_MS).unref();
  }
}
