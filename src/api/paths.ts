/** Where the API begins. Clients have it in their configuration. */
export const API_PREFIX = '/api/external';
