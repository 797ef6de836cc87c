// Generated from crds/ by `npm run generate`. Do not edit.

/** What the administrator wants. */
export interface OrganizationSpec {
  /** Name for people, as reports and dashboards show it. */
  readonly displayName?: string;
  /**
   * Refuses all logins and ends open sessions within a second. Credentials stay, and work again
   * when this is false.
   */
  readonly suspended: boolean;
  /**
   * The pairs of client_id and client_secret of this organization. A new entry is issued a
   * pair, which is delivered once. An entry that is taken out is revoked for good: if it comes
   * back, it keeps its client_id and is issued a new client_secret.
   */
  readonly credentials: readonly {
    /** What it is for, such as pos or erp. Part of the name of the Secret that delivers it. */
    readonly name: string;
    /**
     * Raise it by one to have a new client_secret issued for the same client_id. The old one
     * works for rotationOverlap longer.
     */
    readonly rotation: number;
    /**
     * How long older secrets still work after rotation has been raised, such as 24h, 1h30m or 0s.
     * It counts at that moment; a later change does not move the end of secrets that are already
     * running out. Secrets of a credential that was revoked get no overlap.
     */
    readonly rotationOverlap: string;
    /**
     * Refuses this credential and ends its sessions within a second. Setting it back to false
     * makes the same secret work again; raise rotation at the same time when it must not.
     */
    readonly revoked: boolean;
    /**
     * How long the Secret that delivers a new pair is kept, such as 24h or 1h30m. It goes earlier
     * when it is annotated piing.ai/delivered=true.
     */
    readonly deliveryTTL: string;
    /**
     * Brings a client_secret of your own, from a Secret in the same namespace, instead of having
     * one issued. Nothing is delivered then. When the Secret changes, the new client_secret
     * counts and the old one works for rotationOverlap longer.
     */
    readonly secretRef?: {
      /**
       * Name of the Secret. Its key client_secret has to hold 32 to 256 random printable characters
       * without spaces; its key client_id, if it is there, piing_ and 24 hexadecimal digits. Label
       * it piing.ai/organization with the name of the Organization to have changes noticed at once.
       */
      readonly name: string;
    };
    /**
     * When the credential stops working, such as 2027-06-30T00:00:00Z. Without it, it does not
     * expire.
     */
    readonly expiresAt?: string;
  }[];
  /**
   * Networks from which logins and requests are taken, such as 203.0.113.0/24 or 2001:db8::/32.
   * Empty: from everywhere.
   */
  readonly allowedSourceRanges: readonly string[];
  /** Limits below those of the gateway. */
  readonly limits?: {
    /** Largest file, in bytes. It can only lower the gateway's own limit. */
    readonly maxFileBytes?: number;
  };
  /**
   * Addresses that are told when an upload of this organization has ended, with the upload as
   * the API shows it, signed as Standard Webhooks says.
   */
  readonly webhooks: readonly {
    /** What it is for, such as erp. Administrators find deliveries by it. */
    readonly name: string;
    /**
     * The address, such as https://hooks.example.com/piing, without user name and fragment. It
     * has to be https on port 443 or one from 1024 on, and to lead to public addresses; http,
     * other ports and private addresses only where the administrator has allowed the range. A
     * changed url also enables a webhook whose receiver had answered 410 Gone.
     */
    readonly url: string;
    /**
     * The Secret of this namespace that holds the signing secret: whsec_ and 24 to 64 bytes in
     * base64. When it changes, messages are signed with both secrets for 24 hours.
     */
    readonly secretRef: {
      /** Name of the Secret. */
      readonly name: string;
      /** Key of the Secret. */
      readonly key: string;
    };
    /** What it is told of. Without the list, of everything. */
    readonly events: readonly (
      | 'upload.completed'
      | 'upload.partially_completed'
      | 'upload.failed'
      | 'upload.abandoned'
    )[];
  }[];
}

/** What the operator has done about it. */
export interface OrganizationStatus {
  /** The metadata.generation that the conditions speak of. */
  readonly observedGeneration?: number;
  /** The credentials of spec as the gateway knows them. */
  readonly credentials?: readonly {
    /** Its name in spec. */
    readonly name: string;
    /** The SFTP user name and OAuth 2 client_id. */
    readonly clientId?: string;
    /** Whether it opens doors. Waiting: its secretRef does not lead to a usable Secret yet. */
    readonly state: 'Active' | 'Revoked' | 'Expired' | 'Waiting';
    /** The Secret from which a new pair can be read until it has been picked up. */
    readonly secretName?: string;
    /** When it was first issued. */
    readonly createdAt?: string;
    /** When it last logged in, to the minute. */
    readonly lastUsedAt?: string;
    /** When it stops working. */
    readonly expiresAt?: string;
  }[];
  /** What it may upload, by its SchemaEnablements. */
  readonly schemaTypes?: readonly string[];
  /** When its latest file was received, to the minute. */
  readonly lastUploadTime?: string;
  /**
   * Ready is True when the gateway works as spec says; CredentialsDelivered when no new secret
   * waits to be picked up; Suspended when all logins are refused.
   */
  readonly conditions?: readonly {
    /** Name of the aspect, in CamelCase. */
    readonly type: string;
    /** Whether it holds. */
    readonly status: 'True' | 'False' | 'Unknown';
    /** The metadata.generation that this condition speaks of. */
    readonly observedGeneration?: number;
    /** When status last changed. */
    readonly lastTransitionTime: string;
    /** Why, in one CamelCase word for programs. */
    readonly reason: string;
    /** Why, for people, and what to do. */
    readonly message: string;
  }[];
}

/** What the administrator wants. */
export interface SchemaEnablementSpec {
  /** The Organization, in the same namespace, whose files these are. */
  readonly organizationRef: {
    /** Name of the Organization. */
    readonly name: string;
  };
  /**
   * The kind of file, such as orgTransactions. An organization has at most one SchemaEnablement
   * of each.
   */
  readonly schemaType: string;
  /** How the organization's files of this type become rows. */
  readonly transformer: {
    /**
     * Columns whose headers differ from the schema type's names and aliases, or whose values do
     * not come from the file. Columns that are not listed are found by their headers.
     */
    readonly columns: readonly {
      /** The column's name in the schema type. */
      readonly name: string;
      /**
       * The header (CSV) or key (JSON) that carries it, exactly as the file writes it. Several
       * columns may share one header.
       */
      readonly header?: string;
      /**
       * Headers that carry it together, such as Date and Time. Their values are put together in
       * this order, with the separator between them, and read as one. A row in which one of them is
       * empty has no value.
       */
      readonly headers?: readonly string[];
      /** What is put between the values of headers; a space unless given. */
      readonly separator?: string;
      /**
       * How the file writes it. For dates and timestamps a pattern such as dd/MM/yyyy or M/d/yy
       * h:mm a (docs/transformers.md has the letters); for columns that count minutes hours (0.5)
       * or duration (0:30).
       */
      readonly format?: string;
      /**
       * What the file writes, without regard to case, and what it means in the schema type, such as
       * Payment: sale. An empty meaning is no value. Put yes, no, on and off in quotes.
       */
      readonly values?: Readonly<Record<string, string>>;
      /**
       * A time that lies before the one that it has to follow is on the next day, as with shifts
       * over midnight that are written with one date.
       */
      readonly nextDay?: boolean;
      /** The value of every row, written as the schema type's example is; the file is not consulted. */
      readonly constant?: string;
      /** The value of rows that have none, written as the schema type's example is. */
      readonly default?: string;
    }[];
    /**
     * Which rows of the file are loaded, for exports that mix several kinds. The others are left
     * out and counted in a warning.
     */
    readonly onlyRows?: {
      /** The header (CSV) or key (JSON) that tells, exactly as the file writes it. */
      readonly header: string;
      /** Accepted values, without regard to case; when there are none, any value. */
      readonly values?: readonly string[];
    };
    /**
     * IANA name, such as America/New_York, for timestamps without an offset in rows without a
     * time_zone.
     */
    readonly timeZone?: string;
    /**
     * What a local time that the clocks pass twice or skip (daylight saving) means: reject the
     * row, or take the earlier or the later reading.
     */
    readonly ambiguousLocalTime: 'reject' | 'earlier' | 'later';
    /**
     * Pattern of the date columns that have no format of their own, such as MM/dd/yyyy. Without
     * it dates are written as in ISO 8601 (2026-02-20).
     */
    readonly dateFormat?: string;
    /**
     * Pattern of the timestamp columns that have no format of their own, such as M/d/yy h:mm a.
     * Without it timestamps are written as in ISO 8601 (2026-02-20T18:30:00-05:00).
     */
    readonly timestampFormat?: string;
    /** What separates the fraction of a number. */
    readonly decimalSeparator: '.' | ',';
    /**
     * What may stand between groups of three digits. A space stands for no-break spaces too.
     * Without it such numbers are refused.
     */
    readonly thousandsSeparator?: ',' | '.' | ' ' | "'";
    /**
     * The one sign or code that may stand before or after an amount, such as $ or EUR. Without it
     * amounts with one are refused.
     */
    readonly currencySymbol?: string;
    /** Whether (12.50) is -12.50, as accountants write it. Otherwise it is refused. */
    readonly parenthesesNegative?: boolean;
    /** ISO 4217 code of the rows that name no currency. */
    readonly currency?: string;
    /**
     * What happens to a row whose key is already there, from another upload or an earlier line:
     * update the row that is there, ignore the new one, or reject the new one as an error.
     */
    readonly onDuplicate: 'update' | 'ignore' | 'reject';
    /** skip loads the good rows of a file with bad ones; fail loads none of them. */
    readonly onRowError: 'skip' | 'fail';
    /**
     * With onRowError skip, more bad rows than this fail the whole file. Without it any number is
     * skipped.
     */
    readonly maxRowErrors?: number;
  };
}

/** What the operator has done about it. */
export interface SchemaEnablementStatus {
  /** The metadata.generation that the conditions speak of. */
  readonly observedGeneration?: number;
  /** Where SFTP clients put their files, such as /orgTransactions; absent while there is none. */
  readonly folder?: string;
  /** Ready is True when the gateway works as spec says. */
  readonly conditions?: readonly {
    /** Name of the aspect, in CamelCase. */
    readonly type: string;
    /** Whether it holds. */
    readonly status: 'True' | 'False' | 'Unknown';
    /** The metadata.generation that this condition speaks of. */
    readonly observedGeneration?: number;
    /** When status last changed. */
    readonly lastTransitionTime: string;
    /** Why, in one CamelCase word for programs. */
    readonly reason: string;
    /** Why, for people, and what to do. */
    readonly message: string;
  }[];
}
