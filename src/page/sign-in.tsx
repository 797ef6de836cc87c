import { useEffect, useRef, useState } from 'preact/hooks';
import { ServerProblem, signIn } from './server.ts';
import type { Session } from './wire.ts';

interface SignInProps {
  readonly notice: string | undefined;
  readonly onSignedIn: (session: Session) => Promise<void>;
}

export function SignIn({ notice, onSignedIn }: SignInProps) {
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const secret = useRef<HTMLInputElement>(null);
  // Someone who was signed in a moment ago has lost their place; at the first visit the page is read from its top.
  useEffect(() => {
    if (notice) heading.current?.focus();
  }, [notice]);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setError(undefined);
    try {
      const session = await signIn(
        String(form.get('client_id')).trim(),
        String(form.get('client_secret')).trim(),
      );
      await onSignedIn(session);
    } catch (failure) {
      setError(inWords(failure as Error));
      setBusy(false);
      secret.current?.focus();
      secret.current?.select();
    }
  };

  return (
    <section class="card narrow" aria-labelledby="sign-in">
      <h1 id="sign-in" tabIndex={-1} ref={heading}>
        Sign in to your uploads
      </h1>
      {notice && <p class="notice">{notice}</p>}
      <p class="soft">
        Use the client id and the secret that your Piing administrator gave you, the same as for SFTP.
      </p>
      <form onSubmit={submit}>
        <label for="client-id">Client id</label>
        <input
          id="client-id"
          name="client_id"
          autocomplete="username"
          autocapitalize="none"
          spellcheck={false}
          required
        />
        <label for="client-secret">Secret</label>
        <input
          id="client-secret"
          name="client_secret"
          type="password"
          autocomplete="current-password"
          required
          ref={secret}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? 'sign-in-error' : undefined}
        />
        <p id="sign-in-error" role="alert" class="error">
          {error}
        </p>
        <button type="submit" class="main" aria-disabled={isBusy}>
          {isBusy ? 'Signing in …' : 'Sign in'}
        </button>
      </form>
    </section>
  );
}

/** The server tells programs which of their fields are meant; a person has only two. */
function inWords(error: Error): string {
  return error instanceof ServerProblem && error.sessionIsOver
    ? 'The client id or the secret is wrong, or they are no longer valid. Your Piing administrator can give you new ones.'
    : error.message;
}
