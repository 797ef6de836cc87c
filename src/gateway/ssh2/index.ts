// Everything of this project takes ssh2 from here, so that the edits are in place before ssh2 is.
import './edits.ts';
import ssh2 from 'ssh2';

export type { AuthContext, Connection as SshConnection, ServerChannel, Session } from 'ssh2';
export { ssh2 };
