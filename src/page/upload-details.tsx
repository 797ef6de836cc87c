import { useState } from 'preact/hooks';
import { DownloadButton } from './download-button.tsx';
import { FaultTable } from './fault-table.tsx';
import { listErrors, rejectsPath } from './server.ts';
import type { Fault, Upload } from './wire.ts';
import { count, faultsOf, sentBy, size, time } from './words.ts';

interface UploadDetailsProps {
  readonly upload: Upload;
  /** Only what asks for attention. */
  readonly short?: boolean;
}

export function UploadDetails({ upload, short = false }: UploadDetailsProps) {
  const { uploadId, fileName, rows, warnings } = upload;
  return (
    <div class="details">
      {faultsOf(upload).length > 0 && <Faults upload={upload} />}
      {rows !== null && rows.rejected > 0 && (
        <p class="rejects">
          <DownloadButton path={rejectsPath(uploadId)} name={rejectsName(fileName)}>
            Download the rows that were not loaded
          </DownloadButton>
          <span>Each row says what is wrong with it. Mend them in the file and send it as it is.</span>
        </p>
      )}
      {warnings.length > 0 && (
        <>
          <h3>Good to know</h3>
          <ul>
            {warnings.map(({ code, message }) => (
              <li key={code}>{message}</li>
            ))}
          </ul>
        </>
      )}
      {!short && <Facts upload={upload} />}
    </div>
  );
}

/** The API shows the first ten errors with the upload; the others come when they are asked for. */
function Faults({ upload }: { readonly upload: Upload }) {
  const [more, setMore] = useState<{
    readonly faults: readonly Fault[];
    readonly nextOffset: number | null;
  }>();
  const [error, setError] = useState<string>();
  const faults = more?.faults ?? upload.errors;
  const mayHaveMore = more ? more.nextOffset !== null : upload.errors.length >= FIRST_ERRORS;
  const load = async () => {
    try {
      const page = await listErrors(upload.uploadId, more?.nextOffset ?? 0);
      setMore({ faults: [...(more?.faults ?? []), ...page.errors], nextOffset: page.nextOffset });
      setError(undefined);
    } catch (failure) {
      setError((failure as Error).message);
    }
  };
  return (
    <>
      <FaultTable faults={faults} caption={`What to mend in ${upload.fileName}`} />
      {mayHaveMore && (
        <button type="button" class="quiet" onClick={load}>
          Show more errors
        </button>
      )}
      {error && <p role="alert">{error}</p>}
    </>
  );
}

const FIRST_ERRORS = 10;

function Facts({ upload }: { readonly upload: Upload }) {
  const { uploadId, schemaType, sizeBytes, receivedAt, completedAt, rows, duplicateOf, sha256 } = upload;
  const facts: readonly (readonly [string, string | null | undefined])[] = [
    ['Sent by', sentBy(upload)],
    ['Folder', schemaType],
    ['Size', sizeBytes === null ? null : size(sizeBytes)],
    ['Received', receivedAt && time(receivedAt)],
    ['Finished', completedAt && time(completedAt)],
    ['Rows in the file', rows && count(rows.total)],
    ['New or changed', rows && count(rows.loaded)],
    ['Not new', rows && count(rows.unchanged)],
    ['Need attention', rows && count(rows.rejected)],
    ['Same content as upload', duplicateOf],
    ['Upload id', uploadId],
    ['SHA-256', sha256],
  ];
  return (
    <dl>
      {facts.map(([name, value]) =>
        value ? (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}

function rejectsName(fileName: string): string {
  return `${fileName.replace(/\.(csv|json)$/i, '')}.rejects.csv`;
}
