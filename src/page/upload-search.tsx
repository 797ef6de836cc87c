import type { Folder, UploadStatus } from './wire.ts';
import { STATE_NAMES } from './words.ts';

/** What to look for; empty: anything. */
export interface Search {
  /** A part of a file name, or an upload id. */
  readonly text: string;
  readonly status: UploadStatus | '';
  readonly source: 'sftp' | 'http' | '';
  readonly schemaType: string;
  /** Days of the reader's calendar, `2026-02-20`. */
  readonly from: string;
  readonly to: string;
}

export const ANYTHING: Search = { text: '', status: '', source: '', schemaType: '', from: '', to: '' };

export const isAnything = (search: Search): boolean => Object.values(search).every((value) => value === '');

interface UploadSearchProps {
  readonly search: Search;
  readonly folders: readonly Folder[];
  readonly onChange: (search: Search) => void;
}

export function UploadSearch({ search, folders, onChange }: UploadSearchProps) {
  const set = (change: Partial<Search>) => onChange({ ...search, ...change });
  return (
    <search class="search">
      <label class="wide">
        File name or upload id
        <input
          type="search"
          maxLength={250}
          value={search.text}
          onInput={({ currentTarget }) => set({ text: currentTarget.value })}
        />
      </label>
      <Choice
        label="State"
        value={search.status}
        options={Object.entries(STATE_NAMES)}
        onChoose={(status) => set({ status: status as Search['status'] })}
      />
      <Choice
        label="Sent by"
        value={search.source}
        options={[
          ['sftp', 'SFTP'],
          ['http', 'Web'],
        ]}
        onChoose={(source) => set({ source: source as Search['source'] })}
      />
      {folders.length > 1 && (
        <Choice
          label="Folder"
          value={search.schemaType}
          options={folders.map(({ schemaType, title }) => [schemaType, title])}
          onChoose={(schemaType) => set({ schemaType })}
        />
      )}
      <Day label="From" value={search.from} onChoose={(from) => set({ from })} />
      <Day label="To" value={search.to} onChoose={(to) => set({ to })} />
      {!isAnything(search) && (
        <button type="button" class="quiet" onClick={() => onChange(ANYTHING)}>
          Show all
        </button>
      )}
    </search>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, name: string])[];
  readonly onChoose: (value: string) => void;
}

function Choice({ label, value, options, onChoose }: ChoiceProps) {
  return (
    <label>
      {label}
      <select value={value} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
        <option value="">Any</option>
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface DayProps {
  readonly label: string;
  readonly value: string;
  readonly onChoose: (day: string) => void;
}

function Day({ label, value, onChoose }: DayProps) {
  return (
    <label>
      {label}
      <input type="date" value={value} onChange={({ currentTarget }) => onChoose(currentTarget.value)} />
    </label>
  );
}
