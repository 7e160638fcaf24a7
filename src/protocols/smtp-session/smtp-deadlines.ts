/**
 * The clocks of one SMTP or LMTP connection. None is an idle timer: an octet a minute extends nothing.
 */
import type { SmtpLimits } from './smtp-limits.ts';

export interface DeadlineHooks {
  readonly isTransferring: () => boolean;
  readonly progress: () => { readonly octets: number; readonly isReaderBusy: boolean };
  readonly expire: (why: 'idle' | 'session' | 'handshake') => void;
}

type Limits = Pick<SmtpLimits, 'commandMs' | 'dataWindowMs' | 'minDataOctets' | 'dataMs' | 'sessionMs' | 'handshakeMs'>;

export class ClientDeadlines {
  readonly #limits: Limits;
  readonly #hooks: DeadlineHooks;
  readonly #session: NodeJS.Timeout;
  #command: NodeJS.Timeout | undefined;
  #data: NodeJS.Timeout | undefined;
  #window: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(limits: Limits, hooks: DeadlineHooks) {
    this.#limits = limits;
    this.#hooks = hooks;
    this.#session = setTimeout(() => this.#endSession(), limits.sessionMs);
    this.#session.unref();
    this.waitForCommand();
  }

  /** The client is to send a whole command from now on. */
  waitForCommand(): void {
    if (this.#isOver) this.#hooks.expire('session');
    else this.#arm(this.#limits.commandMs, 'idle');
  }

  commandCame(): void {
    clearTimeout(this.#command);
  }

  handshakeBegins(): void {
    this.#arm(this.#limits.handshakeMs, 'handshake');
  }

  dataBegins(): void {
    clearTimeout(this.#command);
    this.#data = setTimeout(() => this.#hooks.expire('idle'), this.#limits.dataMs);
    this.#data.unref();
    this.#watchWindow(0);
  }

  dataEnds(): void {
    clearTimeout(this.#data);
    clearTimeout(this.#window);
  }

  end(): void {
    for (const timer of [this.#session, this.#command, this.#data, this.#window]) clearTimeout(timer);
  }

  #arm(ms: number, why: 'idle' | 'handshake'): void {
    clearTimeout(this.#command);
    this.#command = setTimeout(() => this.#hooks.expire(why), ms);
    this.#command.unref();
  }

  /** A client that we keep waiting has done nothing wrong. */
  #watchWindow(octetsBefore: number): void {
    this.#window = setTimeout(() => {
      const { octets, isReaderBusy } = this.#hooks.progress();
      if (isReaderBusy || octets - octetsBefore >= this.#limits.minDataOctets) this.#watchWindow(octets);
      else this.#hooks.expire('idle');
    }, this.#limits.dataWindowMs);
    this.#window.unref();
  }

  #endSession(): void {
    this.#isOver = true;
    if (!this.#hooks.isTransferring()) this.#hooks.expire('session');
  }
}
