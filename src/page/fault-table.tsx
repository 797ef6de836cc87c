import type { Fault } from './wire.ts';
import { count } from './words.ts';

interface FaultTableProps {
  readonly faults: readonly Fault[];
  readonly caption: string;
}

/** Where each mistake is, what is there, and what to do about it. */
export function FaultTable({ faults, caption }: FaultTableProps) {
  return (
    <table class="faults">
      <caption>{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Line</th>
          <th scope="col">Column</th>
          <th scope="col">Found</th>
          <th scope="col">What to do</th>
        </tr>
      </thead>
      <tbody>
        {faults.map(({ line, column, value, message }, index) => (
          <tr key={index}>
            <td data-label="Line">{line === null ? 'whole file' : count(line)}</td>
            <td data-label="Column">{column ?? (line === null ? '' : 'whole row')}</td>
            <td data-label="Found">{value === null ? <em>nothing</em> : <code>{value}</code>}</td>
            <td data-label="What to do">{message}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
