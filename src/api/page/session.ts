/** What the page shows of the person who signed in. */
export interface Session {
  readonly organizationId: string;
  readonly credentialName: string;
}
