import { useCallback, useEffect, useState } from 'preact/hooks';
import { Announcer } from './announcer.tsx';
import { type Outbox, useOutbox } from './outbox.ts';
import { SendFiles } from './send-files.tsx';
import { currentSession, listFolders, signOut } from './server.ts';
import { SignIn } from './sign-in.tsx';
import { UploadList } from './upload-list.tsx';
import type { Folder, Session } from './wire.ts';

type State =
  | { readonly name: 'starting' }
  | { readonly name: 'broken'; readonly error: Error }
  | { readonly name: 'signed-out'; readonly notice?: string }
  | { readonly name: 'signed-in'; readonly session: Session; readonly folders: readonly Folder[] };

const SESSION_IS_OVER = 'Your session has ended. Sign in again to go on.';

export function App() {
  const [state, setState] = useState<State>({ name: 'starting' });
  const [owner, setOwner] = useState<string>();
  const sessionOver = useCallback(() => setState({ name: 'signed-out', notice: SESSION_IS_OVER }), []);
  const outbox = useOutbox(sessionOver);

  const enter = useCallback(
    async (session: Session) => {
      const folders = await listFolders();
      // What one organization was about to send is none of another's business.
      if (owner !== undefined && owner !== session.organizationId) outbox.clear();
      setOwner(session.organizationId);
      setState({ name: 'signed-in', session, folders });
    },
    [owner, outbox],
  );
  const start = useCallback(async () => {
    try {
      const session = await currentSession();
      if (session) await enter(session);
      else setState({ name: 'signed-out' });
    } catch (error) {
      setState({ name: 'broken', error: error as Error });
    }
  }, [enter]);
  // Once, at the beginning.
  useEffect(() => void start(), []);

  const leave = async () => {
    outbox.clear();
    await signOut().catch(() => undefined);
    setState({ name: 'signed-out', notice: 'You are signed out.' });
  };

  return (
    // A new one for each organization: what was said to one is not repeated to the next.
    <Announcer key={owner}>
      <Masthead session={state.name === 'signed-in' ? state.session : undefined} onLeave={leave} />
      <main>
        {state.name === 'broken' && <Broken error={state.error} onAgain={start} />}
        {state.name === 'signed-out' && <SignIn notice={state.notice} onSignedIn={enter} />}
        {state.name === 'signed-in' && (
          <>
            <SendFiles folders={state.folders} outbox={outbox} onSessionOver={sessionOver} />
            <UploadList folders={state.folders} news={settledIn(outbox)} onSessionOver={sessionOver} />
          </>
        )}
      </main>
    </Announcer>
  );
}

/** Changes whenever there is something new to show in the list: files that were refused are there too. */
function settledIn({ parcels }: Outbox): number {
  return parcels.filter(({ stage }) => stage.name !== 'queued' && stage.name !== 'sending').length;
}

function Masthead({
  session,
  onLeave,
}: {
  readonly session: Session | undefined;
  readonly onLeave: () => void;
}) {
  return (
    <header class="masthead">
      <p class="brand">Piing</p>
      {session && (
        <>
          <p class="who">
            <strong>{session.organizationId}</strong>
            <span>signed in as {session.credentialName}</span>
          </p>
          <button type="button" class="quiet" onClick={onLeave}>
            Sign out
          </button>
        </>
      )}
    </header>
  );
}

function Broken({ error, onAgain }: { readonly error: Error; readonly onAgain: () => void }) {
  return (
    <section class="card narrow">
      <h1>Uploads</h1>
      <p role="alert">{error.message}</p>
      <button type="button" onClick={onAgain}>
        Try again
      </button>
    </section>
  );
}
