import { PACKET } from '../../../src/gateway/sftp/protocol.ts';
import { FLAGS, text, uint32 } from '../../support/raw-sftp.ts';

const FOLDER = '/kinds';
const CSV = `${FOLDER}/a.csv`;
const ROWS = 'id,note\nA,1\n';

const offset = (at: number) => Buffer.concat([uint32(0), uint32(at)]);
const packet = (type: number, id: number, ...fields: Buffer[]) =>
  Buffer.concat([Buffer.from([type]), uint32(id), ...fields]);
const init = Buffer.concat([Buffer.from([PACKET.INIT]), uint32(3)]);
const open = (id: number, path: string, flags: number = FLAGS.write) =>
  packet(PACKET.OPEN, id, text(path), uint32(flags), uint32(0));
/** Handles are numbers, from 1. */
const handle = (number: number) => text(uint32(number));
const write = (id: number, at: number, data: string, number = 1) =>
  packet(PACKET.WRITE, id, handle(number), offset(at), text(data));
const close = (id: number, number = 1) => packet(PACKET.CLOSE, id, handle(number));
const onPath = (type: number, id: number, path: string) => packet(type, id, text(path));

const listed = (...packets: Buffer[]) =>
  Buffer.concat([
    Buffer.from('p'),
    ...packets.flatMap((each) => [Buffer.from([each.length >> 8, each.length & 0xff]), each]),
  ]);
const framed = (...packets: Buffer[]) =>
  Buffer.concat(packets.flatMap((each) => [uint32(each.length), each]));

/** What clients do: send a file, also in two pieces or under another name; look around; what is refused. */
export function seeds(): Buffer[] {
  const { LSTAT, STAT, SETSTAT, FSETSTAT, FSTAT, OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH } = PACKET;
  const { RENAME, READLINK, SYMLINK, READ, EXTENDED } = PACKET;
  return [
    framed(init, open(1, CSV), write(2, 0, ROWS), close(3)),
    listed(init, open(1, CSV), write(2, 0, ROWS), close(3), onPath(STAT, 4, CSV)),
    listed(open(1, CSV), write(2, ROWS.length, 'B,2\n'), write(3, 0, ROWS), close(4)),
    listed(
      open(1, `${CSV}.part`),
      write(2, 0, ROWS),
      packet(FSETSTAT, 3, handle(1), uint32(1), offset(ROWS.length)),
      close(4),
      packet(RENAME, 5, text(`${CSV}.part`), text(CSV)),
      onPath(REMOVE, 6, CSV),
    ),
    listed(onPath(OPENDIR, 1, '/'), packet(READDIR, 2, handle(1)), packet(READDIR, 3, handle(1)), close(4)),
    listed(
      open(1, `${FOLDER}/b.json`),
      packet(FSTAT, 2, handle(1)),
      onPath(OPENDIR, 3, FOLDER),
      packet(READDIR, 4, handle(2)),
      onPath(REMOVE, 5, `${FOLDER}/b.json`),
    ),
    listed(
      ...[LSTAT, SETSTAT, MKDIR, RMDIR, REALPATH, READLINK, SYMLINK].map((type, id) =>
        onPath(type, id, FOLDER),
      ),
      packet(READ, 8, handle(1), offset(0), uint32(9)),
      packet(EXTENDED, 9, text('limits@openssh.com')),
      packet(EXTENDED, 10, text('posix-rename@openssh.com')),
    ),
  ];
}

export const TOKENS = [
  ...[
    FOLDER,
    CSV,
    '/none',
    '.part',
    '.filepart',
    '.tmp',
    '.csv',
    '.json',
    '/../',
    '/./',
    '//',
    '\0',
    '\u202e',
  ],
  ...[handle(1), handle(2), uint32(FLAGS.write), uint32(FLAGS.exclusive), offset(ROWS.length), ROWS, 'B,2\n'],
  ...[init, open(1, CSV), close(9), 'limits@openssh.com', '{"data":[{"id":"A"}]}', Buffer.alloc(600, 0x61)],
];
