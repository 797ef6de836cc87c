import type { Logger } from '../telemetry/logger.ts';
import type { Access, AccessDecision } from '../tenancy/access.ts';
import { looksLikeClientId } from '../tenancy/secrets.ts';
import type { GatewayOptions } from './gateway-options.ts';
import type { LimitName, SftpLimits } from './limits.ts';
import type { AuthContext } from './ssh2/index.ts';
import { DISCONNECT } from './ssh2/messages.ts';

/** Every denial takes at least this long, so that its reason cannot be read from the clock. */
const DENIAL_FLOOR_MS = 300;

export interface LoginOptions extends Pick<GatewayOptions, 'authenticate' | 'metrics'> {
  readonly limits: SftpLimits;
  readonly remoteAddress: string;
  readonly logger: Logger;
  readonly closed: AbortSignal;
  readonly isDraining: () => boolean;
  /** False when there is no room for this session; the connection has then been ended. */
  readonly onAccepted: (access: Access) => boolean;
  readonly disconnect: (reason: number, sentence: string, limit?: LimitName) => void;
}

/** The login of one connection: password only, a few attempts, and one answer for everything that is wrong. */
export class Login {
  readonly #options: LoginOptions;
  #attempts = 0;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  async attempt(context: AuthContext): Promise<void> {
    const { limits, closed, disconnect } = this.#options;
    if (this.#options.isDraining()) {
      disconnect(DISCONNECT.SERVICE_NOT_AVAILABLE, 'This server is about to restart. Connect again.');
      return;
    }
    this.#attempts += 1;
    // Clients ask with "none" first to learn what is possible.
    if (this.#attempts > limits.loginAttempts + 1) {
      disconnect(DISCONNECT.PROTOCOL_ERROR, 'Too many login attempts.', 'login-attempts');
      return;
    }
    if (context.method !== 'password') return context.reject(['password']);
    const started = performance.now();
    const { username, password } = context;
    const decision = await this.#decide(username, password);
    if (closed.aborted) return;
    if (decision === undefined) {
      this.#options.metrics.logins.inc({ source: 'sftp', result: 'error' });
      disconnect(
        DISCONNECT.SERVICE_NOT_AVAILABLE,
        'Logins cannot be checked at the moment. Nothing is wrong with the credential: try again later.',
      );
    } else if (decision.allowed) {
      this.#accept(context, decision.access);
    } else {
      await this.#deny(context, decision.reason, started);
    }
  }

  #accept(context: AuthContext, access: Access): void {
    if (!this.#options.onAccepted(access)) return;
    const { organizationId, clientId } = access;
    this.#options.logger.info({ organizationId, clientId }, 'SFTP login');
    this.#options.metrics.logins.inc({ source: 'sftp', result: 'accepted' });
    context.accept();
  }

  async #deny(context: AuthContext, reason: string, started: number): Promise<void> {
    const { username } = context;
    this.#options.metrics.logins.inc({ source: 'sftp', result: 'denied' });
    const clientId = looksLikeClientId(username) ? username : undefined;
    this.#options.logger.warn({ clientId, reason }, 'SFTP login denied');
    await new Promise((resolve) =>
      setTimeout(resolve, DENIAL_FLOOR_MS - (performance.now() - started)).unref(),
    );
    if (!this.#options.closed.aborted) context.reject(['password']);
  }

  /** Undefined when it cannot be told now. */
  async #decide(clientId: string, clientSecret: string): Promise<AccessDecision | undefined> {
    const { authenticate, remoteAddress, logger } = this.#options;
    try {
      return await authenticate({ clientId, clientSecret, remoteAddress });
    } catch (error) {
      logger.error({ err: error }, 'login could not be checked');
      return undefined;
    }
  }
}
