import type { Server } from 'node:net';

/** Thrown at start-up when something outside has to change first. Shown to people without a stack. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/**
 * Listens, and turns the usual failures into sentences that name the setting to change.
 * @throws {StartupError} when the port is in use or may not be used.
 */
export async function listenOn(server: Server, port: number, host: string, setting: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(explainListenError(error, port, host, setting)),
    );
    server.listen(port, host, () => resolve());
  });
}

function explainListenError(
  error: NodeJS.ErrnoException,
  port: number,
  host: string,
  setting: string,
): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartupError(
        `Port ${port} on ${host} is in use. Stop what listens there, or set ${setting} to another port.`,
      );
    case 'EACCES':
      return new StartupError(
        `Port ${port} on ${host} may not be opened by this user. Set ${setting} to a port above 1023.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartupError(
        `${host} is not an address of this machine. Set PIING_BIND_ADDRESS to one that is.`,
      );
    default:
      return error;
  }
}
