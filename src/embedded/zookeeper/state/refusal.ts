/**
 * Thrown for an operation that the state doesn't allow; `code` goes into the reply. No Error: refusals are ordinary
 * answers, and a stack trace for each would cost more than the operation.
 */
export class Refusal {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}
