import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What a link does with what comes over it. */
export type LinkState =
  | { readonly kind: 'open'; readonly delayMs?: number }
  /** Nobody listens at the other end. */
  | { readonly kind: 'refused' }
  /** Bytes go in and never come out, as when a cable is pulled: in both directions, or one. */
  | { readonly kind: 'silent'; readonly towards: 'both' | 'server' | 'client' }
  /** Every request is answered so, as a store does that is out of order: for HTTP. */
  | { readonly kind: 'answers'; readonly status: string };

export interface Link {
  readonly port: number;
  set(state: LinkState): void;
  /** Ends every connection in the middle of what it carries. */
  cut(): void;
  close(): Promise<void>;
}

const OPEN: LinkState = { kind: 'open' };

/** The network between two processes, as a TCP proxy that can be made bad. */
export async function startLink(targetPort: () => number): Promise<Link> {
  const sockets = new Set<Socket>();
  let state: LinkState = OPEN;
  const server = createServer((client) => {
    track(client);
    if (state.kind === 'refused') return void client.destroy();
    if (state.kind === 'answers') return answer(client, state.status);
    const upstream = connect(targetPort(), '127.0.0.1');
    track(upstream);
    carry(client, upstream, 'server');
    carry(upstream, client, 'client');
  });
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const carry = (from: Socket, to: Socket, direction: 'server' | 'client') => {
    from.on('data', (bytes: Buffer) => {
      if (state.kind === 'silent' && (state.towards === 'both' || state.towards === direction)) return;
      const delayMs = state.kind === 'open' ? (state.delayMs ?? 0) : 0;
      // Timers of one length fire in their order, so bytes keep theirs.
      if (delayMs > 0) setTimeout(() => to.write(bytes), delayMs);
      else if (!to.write(bytes)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('end', () => to.end());
    from.on('close', () => to.destroy());
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    set: (next) => {
      // A connection that lost bytes must never go on as if nothing had been lost.
      if (state.kind === 'silent' || next.kind === 'answers' || next.kind === 'refused') cut();
      state = next;
    },
    cut,
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(client: Socket, status: string): void {
  client.once('data', () => {
    client.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  });
}
