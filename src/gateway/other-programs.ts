import type { Logger } from '../telemetry/logger.ts';
import type { ServerChannel, Session } from './ssh2/index.ts';

const REFUSED_EXIT_CODE = 1;

/**
 * Answers what is not SFTP: `scp` of the old protocol and people who try `ssh` get a sentence. Other programs are
 * refused outright, which is what rclone expects of a server without a shell.
 */
export function refusePrograms(session: Session, logger: Logger): void {
  session.on('exec', (accept, reject, { command }) => {
    logger.debug({ command: command.slice(0, 100) }, 'program refused');
    if (/^(\S*\/)?scp\s/.test(command))
      refuse(
        accept(),
        'this server speaks SFTP only: use sftp, or scp without -O (OpenSSH 9.0 or newer).',
        true,
      );
    else reject();
  });
  session.on('shell', (accept) => {
    refuse(accept(), 'This server takes files by SFTP and has no shell: use sftp or scp.', false);
  });
}

/** The old scp shows a line that begins with a byte 1 as the other side's error. */
function refuse(channel: ServerChannel, sentence: string, toScp: boolean): void {
  channel.on('error', () => undefined);
  channel.on('data', () => undefined);
  if (toScp) channel.write(`\u0001scp: ${sentence}\n`);
  else channel.stderr.write(`${sentence}\r\n`);
  channel.exit(REFUSED_EXIT_CODE);
  channel.end();
}
