/** A packet generator specification that cannot be taken: which key, which value, and what would be allowed. */
export class PktgenSpecError extends Error {
  override readonly name = 'PktgenSpecError';
  readonly key: string;
  /** As it was written; '' if there was none. */
  readonly value: string;
  readonly allowed: string;

  constructor(key: string, value: string, what: string, allowed: string) {
    super(`pktgen: ${what}; allowed: ${allowed}`);
    this.key = key;
    this.value = value;
    this.allowed = allowed;
  }
}
