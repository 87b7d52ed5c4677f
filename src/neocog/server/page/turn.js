// Questions one after another: never more than one is on its way, and of those that come meanwhile only the last is asked.

export class Turn {
  /** @param {(error: unknown) => void} tell null where all went well @param {() => void} again asks anew */
  constructor(tell, again) {
    [this.tell, this.again] = [tell, again];
    this.busy = this.waiting = false;
  }

  /** @param {() => Promise<void>} work */
  async take(work) {
    if (this.busy) {
      this.waiting = true;
      return;
    }
    this.busy = true;
    try {
      await work();
      this.tell(null);
    } catch (error) {
      this.tell(error);
    } finally {
      this.busy = false;
      if (this.waiting) {
        this.waiting = false;
        this.again();
      }
    }
  }
}
