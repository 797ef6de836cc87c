/** One kind of fault: what it is called, and how whoever exported the file mends it. */
export interface FaultKind {
  readonly title: string;
  readonly help: string;
}

const EXPORT_AGAIN = 'Export the file again and send it whole.';

/** Nothing of the file can be loaded. */
export const FILE_FAULTS = {
  EMPTY_FILE: { title: 'The file is empty', help: 'It has no bytes. Check the export.' },
  NO_ROWS: {
    title: 'The file has a header and no rows',
    help: 'Nothing is wrong with the header. Check the period and the filter of the export.',
  },
  NO_RECORDS: {
    title: 'The JSON has no list of records',
    help: 'Send an array of objects, or an object with one array named data, records, items or rows.',
  },
  UNKNOWN_HEADER: {
    title: 'The first line is not a header of this schema type',
    help: 'The first line names the columns. If the file belongs to another schema type, send it there; if the names are your own, ask your administrator to map them.',
  },
  MISSING_COLUMNS: {
    title: 'Required columns are missing',
    help: 'The message names them. Add them to the export, or ask your administrator to map them or to give them a constant.',
  },
  DUPLICATE_HEADER: {
    title: 'Two columns mean the same',
    help: 'Leave one of them out, or ask your administrator to map one of them to nothing.',
  },
  TOO_MANY_COLUMNS: {
    title: 'The file has too many columns',
    help: 'Leave out columns that are not needed.',
  },
  WRONG_DELIMITER: {
    title: 'The values are not separated by commas',
    help: 'Export with commas: in Excel "CSV UTF-8 (comma delimited)". Semicolons come from the regional settings of the computer.',
  },
  NOT_TEXT: {
    title: 'The file is not UTF-8 text',
    help: 'The message says what was found: another encoding, a spreadsheet, an archive, a picture. Export as CSV in UTF-8, or as JSON.',
  },
  INVALID_UTF8: {
    title: 'The file is not UTF-8',
    help: 'The message says on which line. Choose UTF-8 as the encoding of the export; older programs write Latin-1 or Windows-1252.',
  },
  UTF16: {
    title: 'The file is UTF-16',
    help: 'Excel calls it "Unicode text". Export it as "CSV UTF-8", or choose UTF-8 as the encoding.',
  },
  UTF32: { title: 'The file is UTF-32', help: 'Choose UTF-8 as the encoding of the export.' },
  NUL_BYTE: {
    title: 'The file has a NUL byte',
    help: `Files are cut or overwritten that way. ${EXPORT_AGAIN}`,
  },
  UNCLOSED_QUOTE: {
    title: 'A quote is opened and never closed',
    help: 'From that line on everything is one value. Write a quote within a value twice ("").',
  },
  INVALID_QUOTE: {
    title: 'There is text behind a closing quote',
    help: 'A quoted value ends at its second quote. Write a quote within a value twice ("").',
  },
  INVALID_OPENING_QUOTE: {
    title: 'There is a quote within a value without quotes',
    help: 'Put the whole value in quotes, and write the quote within it twice ("").',
  },
  TRUNCATED_CSV: { title: 'The CSV stops in the middle of a line', help: `It was cut off. ${EXPORT_AGAIN}` },
  TRUNCATED_JSON: { title: 'The JSON stops before its end', help: `It was cut off. ${EXPORT_AGAIN}` },
  INVALID_JSON: {
    title: 'The JSON is not valid',
    help: 'The message says where and what was expected. Let a program write the JSON rather than a template.',
  },
  TRAILING_DATA: {
    title: 'There is more behind the end of the JSON',
    help: 'Send one array, or one object with one array, in a file.',
  },
  NESTING_TOO_DEEP: { title: 'The JSON is nested too deeply', help: 'Records are flat objects.' },
  RECORD_TOO_LARGE: {
    title: 'A record is too large',
    help: 'Often a quote that was not closed. Otherwise shorten the values.',
  },
  ROWS_REJECTED: {
    title: 'The file is refused for its rows',
    help: 'This schema type is loaded whole or not at all: mend the rows that are listed, and send the file again.',
  },
  TOO_MANY_ROW_ERRORS: {
    title: 'Too many rows are wrong',
    help: 'Nothing was loaded, because so many errors have one cause. Look at the first of them.',
  },
  DUPLICATE_ROWS: {
    title: 'Too many rows are already there',
    help: 'Repeated rows are refused for this schema type. Send only new rows.',
  },
  SCHEMA_NOT_ENABLED: {
    title: 'The schema type is no longer enabled',
    help: 'It was disabled after the file was received. Ask your administrator.',
  },
  INCOMPLETE_FILE: { title: 'The file did not arrive whole', help: 'Send the file again.' },
  INTERRUPTED: { title: 'The gateway stopped while it received the file', help: 'Send the file again.' },
  RAW_FILE_MISSING: {
    title: 'The received file is no longer there',
    help: 'Send the file again, and tell your administrator.',
  },
  CANCELLED: { title: 'An administrator stopped the processing', help: 'Ask your administrator why.' },
  PROCESSING_FAILED: {
    title: 'The file could not be processed',
    help: 'Nothing is wrong with the file. An administrator can run it again.',
  },
} as const satisfies Readonly<Record<string, FaultKind>>;

const ONE_ROW = 'The row was left out; the others were loaded.';

/** A row cannot be loaded; the others can. */
export const ROW_FAULTS = {
  REQUIRED: { title: 'A required value is missing', help: `Fill it in. ${ONE_ROW}` },
  COLUMN_COUNT: {
    title: 'The line has more or fewer values than the header has columns',
    help: `Look for a comma too many or too few; a value with a comma needs quotes. ${ONE_ROW}`,
  },
  NOT_AN_OBJECT: {
    title: 'A record is no object',
    help: `Every record is an object with the columns as its keys. ${ONE_ROW}`,
  },
  DUPLICATE_KEY: { title: 'A record has a key twice', help: `Leave one of them out. ${ONE_ROW}` },
  DUPLICATE_ROW: {
    title: 'A row with the same key is already there',
    help: 'Repeated rows are refused for this schema type. Correct the key, or leave the row out.',
  },
  INVALID_NUMBER: { title: 'The value is not a number', help: `Write it as the message shows. ${ONE_ROW}` },
  INVALID_INTEGER: {
    title: 'The value is not a whole number',
    help: `Write it without a fraction. ${ONE_ROW}`,
  },
  OUT_OF_RANGE: { title: 'The value is too large or too small', help: `Check it. ${ONE_ROW}` },
  TOO_PRECISE: {
    title: 'The number has more digits after the point than the column holds',
    help: `Nothing is rounded silently: round it in the export. ${ONE_ROW}`,
  },
  INVALID_DATE: { title: 'The value is not a date', help: `Write it as the message shows. ${ONE_ROW}` },
  INVALID_TIMESTAMP: { title: 'The value is not a time', help: `Write it as the message shows. ${ONE_ROW}` },
  INVALID_MINUTES: {
    title: 'The value is not a duration',
    help: `Write minutes, or hours and minutes. ${ONE_ROW}`,
  },
  INVALID_TIME_ZONE: {
    title: 'The value is not a time zone',
    help: `Write an IANA name such as Europe/Berlin. ${ONE_ROW}`,
  },
  MISSING_TIME_ZONE: {
    title: 'A time without a zone',
    help: `Write times with their offset, or ask your administrator to set the zone. ${ONE_ROW}`,
  },
  OTHER_TIME_ZONE: {
    title: 'The name of the zone is not the one that was set',
    help: `Names such as CST mean several zones. Write the offset, or ask your administrator to set the zone. ${ONE_ROW}`,
  },
  LOCAL_TIME_SKIPPED: {
    title: 'The clocks were put forward over this time',
    help: `It does not exist in that zone on that day. ${ONE_ROW}`,
  },
  LOCAL_TIME_AMBIGUOUS: {
    title: 'The clocks were put back over this time',
    help: `It exists twice in that zone on that day: write the offset. ${ONE_ROW}`,
  },
  INVALID_BOOLEAN: { title: 'The value is neither yes nor no', help: `Write true or false. ${ONE_ROW}` },
  INVALID_CURRENCY: {
    title: 'The value is no currency',
    help: `Write an ISO 4217 code such as EUR. ${ONE_ROW}`,
  },
  INVALID_JSON_VALUE: {
    title: 'The value is no JSON object',
    help: `Write it as the message shows. ${ONE_ROW}`,
  },
  NOT_IN_LIST: {
    title: 'The value is not one of those allowed',
    help: `The message lists them; your administrator can map your own words to them. ${ONE_ROW}`,
  },
  TOO_LONG: { title: 'The value is too long', help: `Shorten it. ${ONE_ROW}` },
  NUL_CHARACTER: { title: 'The value has a NUL character', help: `Remove it. ${ONE_ROW}` },
  BROKEN_CHARACTER: { title: 'The value has half of a character', help: `${EXPORT_AGAIN} ${ONE_ROW}` },
  SPREADSHEET_NUMBER: {
    title: 'A spreadsheet has shortened the number',
    help: `Digits such as those of 1.23E+15 are lost. Send the export itself, unopened. ${ONE_ROW}`,
  },
  ORDER: { title: 'Two times are in the wrong order', help: `Check both. ${ONE_ROW}` },
} as const satisfies Readonly<Record<string, FaultKind>>;

/** Everything was loaded, and yet somebody should look. */
export const WARNINGS = {
  UNKNOWN_COLUMNS: {
    title: 'Columns were not loaded',
    help: 'The schema type has no such columns. Leave them out, or ask your administrator to map them.',
  },
  ROWS_LEFT_OUT: {
    title: 'Rows were left out on purpose',
    help: 'Your administrator has told which rows are not wanted.',
  },
  REPORT_CUT: {
    title: 'Rejected rows are missing from the report',
    help: 'So many rows are wrong that the report is cut. Mend the export, and send the whole file again.',
  },
  OPEN_LAST_LINE: {
    title: 'The last line does not end',
    help: 'If rows are missing, the file was cut off: send it again.',
  },
  MAYBE_INTERRUPTED: {
    title: 'The file may have been interrupted',
    help: 'It ends where an interrupted transfer would. If rows are missing, send it again.',
  },
} as const satisfies Readonly<Record<string, FaultKind>>;

export type FileFaultCode = keyof typeof FILE_FAULTS;
export type RowFaultCode = keyof typeof ROW_FAULTS;
export type WarningCode = keyof typeof WARNINGS;
