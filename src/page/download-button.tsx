import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { download } from './server.ts';

interface DownloadButtonProps {
  readonly path: string;
  /** What the saved file is called. */
  readonly name: string;
  readonly children: ComponentChildren;
}

export function DownloadButton({ path, name, children }: DownloadButtonProps) {
  const [error, setError] = useState<string>();
  const start = () => {
    setError(undefined);
    download(path, name).catch((failure: Error) => setError(failure.message));
  };
  return (
    <>
      <button type="button" class="quiet download" onClick={start}>
        {children}
      </button>
      {error && (
        <p role="alert" class="error">
          {error}
        </p>
      )}
    </>
  );
}
