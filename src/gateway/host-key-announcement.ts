import type { HostKey } from './host-keys.ts';
import type { SshConnection } from './ssh2/index.ts';
import { onGlobalRequest, sendGlobalRequest, sshString } from './ssh2/messages.ts';

const ANNOUNCE = 'hostkeys-00@openssh.com';
const PROVE = 'hostkeys-prove-00@openssh.com';
/** More keys than anybody rotates; asking for a proof costs a signature. */
const MAX_PROOFS = 8;

/**
 * Tells the client every host key after the login, and proves those that it asks about (OpenSSH's PROTOCOL file,
 * 2.5): clients with UpdateHostKeys then know the next key before it is served, and forget one that is gone.
 */
export function announceHostKeys(connection: SshConnection, keys: readonly HostKey[]): void {
  let proofs = 0;
  onGlobalRequest(connection, PROVE, (data, sessionId) => {
    const asked = stringsIn(data);
    proofs += asked?.length ?? 0;
    if (!asked || proofs > MAX_PROOFS) return undefined;
    const signatures = asked.map((blob) =>
      keys
        .find((key) => key.publicBlob.equals(blob))
        ?.sign(Buffer.concat([sshString(PROVE), sshString(sessionId), sshString(blob)])),
    );
    if (signatures.some((signature) => signature === undefined)) return undefined;
    return Buffer.concat(signatures.map((signature) => sshString(signature as Buffer)));
  });
  sendGlobalRequest(connection, ANNOUNCE, Buffer.concat(keys.map((key) => sshString(key.publicBlob))));
}

/** Undefined when the bytes are not a list of SSH strings. */
function stringsIn(bytes: Buffer): Buffer[] | undefined {
  const strings: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    strings.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return strings;
}
