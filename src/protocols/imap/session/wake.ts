/**
 * One waiter that many things may wake. A wake that comes while nobody waits is kept; any number of them is one.
 */
export class Wake {
  #isDue = false;
  #resolve: (() => void) | null = null;

  wake(): void {
    this.#isDue = true;
    const resolve = this.#resolve;
    this.#resolve = null;
    resolve?.();
  }

  async wait(): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#isDue = false;
  }
}
