// Run in another network than the test process, whose connections it carries on from there:
//
//   node relay.ts HOST PORT
//
// The test process listens, and sends the listening socket, which stays in the network that it was made in.
import { connect, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

const [host = '', port] = process.argv.slice(2);

function carry(client: Socket): void {
  const upstream = connect({ host, port: Number(port), noDelay: true });
  client.setNoDelay(true);
  // When either ends badly, so does the other.
  pipeline(client, upstream, () => undefined);
  pipeline(upstream, client, () => undefined);
}

process.once('message', (_message, server) => (server as Server).on('connection', carry));
process.once('disconnect', () => process.exit());
