import type { Socket } from 'node:net';
import type { AuthContext, ServerChannel, Session, Connection as SshConnection } from 'ssh2';
import { Refusal } from '../intake/refusal.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Access, AccessDecision } from '../tenancy/access.ts';
import { looksLikeClientId } from '../tenancy/secrets.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { runSftpChannel } from './sftp-channel.ts';
import { SftpSession } from './sftp-session.ts';

const MAX_LOGIN_ATTEMPTS = 6;
/** Every denial takes at least this long, so that its reason cannot be read from the clock. */
const DENIAL_FLOOR_MS = 300;
/** Without a byte in either direction. OpenSSH clients with a slow disk pause for minutes, not for longer. */
const IDLE_TIMEOUT_MS = 15 * 60_000;
const MAX_CHANNELS = 8;

export interface ConnectionOptions extends Omit<GatewayOptions, 'host' | 'port' | 'hostKeys' | 'changes'> {
  readonly isDraining: () => boolean;
  readonly onLogin: () => void;
}

/** One SSH connection from its first byte to its last. */
export class Connection {
  readonly remoteAddress: string;
  readonly #ssh: SshConnection;
  readonly #options: ConnectionOptions;
  readonly #closed = new AbortController();
  readonly #sessions = new Set<SftpSession>();
  readonly #channels = new Set<Promise<void>>();
  #logger: Logger;
  #access: Access | undefined;
  #attempts = 0;
  #ending = false;
  #rechecking: Promise<void> = Promise.resolve();

  constructor(ssh: SshConnection, socket: Socket, options: ConnectionOptions) {
    this.#ssh = ssh;
    this.#options = options;
    this.remoteAddress = socket.remoteAddress ?? 'unknown';
    this.#logger = options.logger.child({ remoteAddress: this.remoteAddress });
    socket.setTimeout(IDLE_TIMEOUT_MS, () => this.#disconnect('idle'));
    // Each of these objects ends the process when nobody listens to its errors.
    ssh.on('error', (error) => this.#logger.debug({ reason: error.message }, 'SSH connection error'));
    ssh.on('authentication', (context) => void this.#login(context));
    ssh.on('ready', options.onLogin);
    ssh.on('session', (accept, reject) => this.#openSession(accept, reject));
    ssh.on('close', () => this.#closed.abort());
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
    await Promise.all(this.#channels);
  }

  /** Ends the connection; its open uploads are abandoned with this reason. */
  async end(reason: Refusal): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    await Promise.all([...this.#sessions].map((session) => session.abandonAll(reason)));
    this.#disconnect(reason.message);
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
    const decision = await this.#options.currentAccess({ clientId, remoteAddress: this.remoteAddress });
    if (decision.allowed) {
      this.#access = decision.access;
      await Promise.all([...this.#sessions].map((session) => session.abandonDisabled()));
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

  async #login(context: AuthContext): Promise<void> {
    if (context.method !== 'password') return context.reject(['password']);
    this.#attempts += 1;
    if (this.#attempts > MAX_LOGIN_ATTEMPTS) return this.#disconnect('too many login attempts');
    const started = Date.now();
    const decision = await this.#decide(context.username, context.password);
    if (this.#closed.signal.aborted) return;
    if (decision?.allowed) {
      this.#access = decision.access;
      const { organizationId, clientId } = decision.access;
      this.#logger = this.#logger.child({ organizationId, clientId });
      this.#logger.info('SFTP login');
      this.#options.metrics.logins.inc({ source: 'sftp', result: 'accepted' });
      return context.accept();
    }
    this.#options.metrics.logins.inc({ source: 'sftp', result: decision ? 'denied' : 'error' });
    this.#logger.warn(
      {
        clientId: looksLikeClientId(context.username) ? context.username : undefined,
        reason: decision?.reason ?? 'database',
      },
      'SFTP login denied',
    );
    await new Promise((resolve) => setTimeout(resolve, DENIAL_FLOOR_MS - (Date.now() - started)));
    if (!this.#closed.signal.aborted) context.reject(['password']);
  }

  /** Undefined when it cannot be told now. */
  async #decide(clientId: string, clientSecret: string): Promise<AccessDecision | undefined> {
    try {
      return await this.#options.authenticate({ clientId, clientSecret, remoteAddress: this.remoteAddress });
    } catch (error) {
      this.#logger.error({ err: error }, 'login could not be checked');
      return undefined;
    }
  }

  #openSession(accept: () => Session, reject: () => void): void {
    if (this.#channels.size >= MAX_CHANNELS) {
      reject();
      return;
    }
    const session = accept();
    session.on('error', (error: Error) => this.#logger.debug({ reason: error.message }, 'SSH session error'));
    session.on('subsystem', (acceptChannel, rejectChannel, info) => {
      if (info.name !== 'sftp') return rejectChannel();
      const channel: ServerChannel = acceptChannel();
      const run = this.#runChannel(channel);
      this.#channels.add(run);
      void run.finally(() => this.#channels.delete(run));
    });
    // Everything else (shell, exec, forwarding, environment) is refused by ssh2 when nobody listens.
  }

  async #runChannel(channel: ServerChannel): Promise<void> {
    channel.on('error', (error: Error) => this.#logger.debug({ reason: error.message }, 'SSH channel error'));
    const session = new SftpSession({
      access: () => this.#currentAccess(),
      intake: this.#options.intake,
      statuses: this.#options.statuses,
      remoteAddress: this.remoteAddress,
      logger: this.#logger,
      draining: this.#options.isDraining,
    });
    this.#sessions.add(session);
    try {
      await runSftpChannel({ channel, session, logger: this.#logger, closed: this.#closed.signal });
      await session.abandonAll(
        new Refusal('INCOMPLETE_FILE', 'The connection ended before the file was complete.'),
      );
    } finally {
      this.#sessions.delete(session);
    }
  }

  #currentAccess(): Access {
    if (!this.#access) throw new Refusal('ACCESS_REVOKED', 'This session is not logged in.');
    return this.#access;
  }

  #disconnect(reason: string): void {
    this.#logger.debug({ reason }, 'SSH connection ended by the gateway');
    this.#ssh.end();
  }
}
