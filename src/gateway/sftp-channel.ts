import { once } from 'node:events';
import type { ServerChannel } from 'ssh2';
import type { Logger } from '../telemetry/logger.ts';
import { readPackets } from './sftp/packet-reader.ts';
import { SftpProtocolError } from './sftp/protocol.ts';
import { decodeRequest } from './sftp/requests.ts';
import type { SftpSession } from './sftp-session.ts';

/**
 * Runs one SFTP channel to its end. ssh2's own SFTP class is not used: it opens the channel's window whatever
 * the handler does, cannot advertise extensions, loses the bytes of names and cannot send an exit status
 * (docs/decisions/0003-own-sftp-codec.md). A plain channel has backpressure: what is not pulled is not sent.
 */
export async function runSftpChannel(options: {
  readonly channel: ServerChannel;
  readonly session: SftpSession;
  readonly logger: Logger;
  /** Aborted when the connection is gone: what still waits in memory is then not acted upon. */
  readonly closed: AbortSignal;
}): Promise<void> {
  const { channel, session, logger, closed } = options;
  try {
    for await (const packet of readPackets(channel)) {
      if (closed.aborted) return;
      const reply = await session.answer(decodeRequest(packet));
      if (closed.aborted || !channel.writable) return;
      if (!channel.write(reply)) await once(channel, 'drain', { signal: closed });
    }
  } catch (error) {
    if (closed.aborted) return;
    if (error instanceof SftpProtocolError)
      logger.warn({ reason: error.message }, 'SFTP protocol error; channel closed');
    else logger.error({ err: error }, 'SFTP channel failed');
  } finally {
    endChannel(channel, closed.aborted);
  }
}

/** Without an exit status sftp and scp hang at the end, and scp reports failure for a file that arrived. */
function endChannel(channel: ServerChannel, gone: boolean): void {
  if (gone || !channel.writable) return;
  channel.exit(0);
  channel.end();
}
