// What went wrong, in three facts.

/** @typedef {{what: string, where: string, fix: string}} Fault */

export class Refused extends Error {
  /** @param {Fault} fault */
  constructor(fault) {
    super(fault.what);
    this.fault = fault;
  }
}
