/** Files with the CRDs of the Gateway API, the Prometheus operator and KEDA. @throws {Error} when Go cannot get them */
export function othersCrds(): string[];
