/** Longest row of a CSV file or record of a JSON file, in characters. An unclosed quote swallows no more than this. */
export const MAX_RECORD_CHARACTERS = 1024 * 1024;
/** Most columns of a CSV file, or keys of a JSON record. */
export const MAX_COLUMNS = 1_000;
/** Deepest nesting of a JSON file; a record lies at 2 or 3. */
export const MAX_NESTING = 32;
