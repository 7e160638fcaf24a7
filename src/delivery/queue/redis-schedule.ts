/**
 * The schedule in Redis or Valkey, shared by all processes: due times, takes, tokens of lanes, and the bell by pub/sub.
 *
 * Loss is expected. Every script compares the epoch; after a (re)connection the run id of the server is compared too. Where either differs, or
 * an addition failed, the schedule counts as incomplete until a rebuild from the record is through; work goes on meanwhile. While Redis
 * can't be reached `isUsable` is false and every call throws ScheduleUnavailable at once.
 */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import type { QueueId } from '../../mail/ids.ts';
import type { Clock } from '../../server/clock.ts';
import type { Log } from '../../server/log.ts';
import type { QueueDue } from '../../storage/queue-record.ts';
import {
  classOf,
  LANE_CLASSES,
  type LaneClass,
  type Rebuild,
  type Schedule,
  type ScheduledItem,
  ScheduleUnavailable,
  type TakeResult,
} from './schedule.ts';
import { ADD, DOUBT, ENTER, EXTEND, FINISH, MOVE_KEYS, REBUILD, REBUILT, TAKE } from './schedule-scripts.ts';

export interface RedisScheduleOptions {
  readonly url: string;
  /** Before every key and channel. */
  readonly keyPrefix: string;
  /** Names this process in takes and rebuilds. */
  readonly owner: string;
  /** How long a take lasts without extension: a little longer than the lease in the record. */
  readonly takeMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const COMMAND_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 3_000;
const MAX_RECONNECT_WAIT_MS = 1_000;
const REBUILDER_LEASE_MS = 15_000;
/** Items of one addition script. */
const ADD_BATCH = 500;

type Script = (...args: readonly (string | number)[]) => Promise<unknown>;
type ScriptName = 'add' | 'take' | 'finish' | 'extend' | 'enter' | 'rebuild' | 'rebuilt' | 'doubt';
const SCRIPTS: Readonly<Record<ScriptName, { readonly keys: number; readonly lua: string }>> = {
  add: { keys: MOVE_KEYS.length, lua: ADD },
  take: { keys: MOVE_KEYS.length, lua: TAKE },
  finish: { keys: MOVE_KEYS.length, lua: FINISH },
  extend: { keys: MOVE_KEYS.length, lua: EXTEND },
  enter: { keys: 4, lua: ENTER },
  rebuild: { keys: 3, lua: REBUILD },
  rebuilt: { keys: 3, lua: REBUILT },
  doubt: { keys: 3, lua: DOUBT },
};

export class RedisSchedule implements Schedule {
  readonly #options: RedisScheduleOptions;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #prefix: string;
  readonly #bellListeners = new Set<(laneClass: LaneClass, atMs: number) => void>();
  readonly #changeListeners = new Set<() => void>();
  readonly #incompleteListeners = new Set<() => void>();
  readonly #opening: Promise<void>;
  #epoch: string | null = null;
  #entering: Promise<void> | null = null;
  /** An addition failed: say so to Redis as soon as it can be reached. */
  #isInDoubt = false;
  #isClosed = false;

  /** Connects in the background, now and whenever the connection is lost; usable from the first `onChange` on. */
  constructor(options: RedisScheduleOptions) {
    this.#options = options;
    this.#prefix = `${options.keyPrefix}{queue}:`;
    this.#redis = connect(options.url);
    this.#subscriber = connect(options.url);
    for (const [name, { keys, lua }] of Object.entries(SCRIPTS)) {
      this.#redis.defineCommand(scriptCommand(name as ScriptName), { numberOfKeys: keys, lua });
    }
    for (const connection of [this.#redis, this.#subscriber]) {
      connection.on('error', (cause: Error) => options.log.debug({ cause }, 'redis connection failed'));
    }
    this.#redis.on('ready', () => void this.#enter());
    this.#redis.on('close', () => this.#lose('connection lost'));
    this.#subscriber.on('ready', () => void this.#subscribe());
    this.#subscriber.on('message', (_channel: string, message: string) => this.#heard(message));
    this.#opening = this.#open();
  }

  /** The first attempt to connect is over. Resolves in any case; `isUsable` tells the result. Nobody has to wait for it. */
  open(): Promise<void> {
    return this.#opening;
  }

  async #open(): Promise<void> {
    await Promise.allSettled([this.#redis.connect(), this.#subscriber.connect()]);
    await this.#enter();
  }

  get isUsable(): boolean {
    return this.#epoch !== null;
  }

  async add(due: readonly QueueDue[]): Promise<void> {
    try {
      await this.#add(due);
    } catch (cause) {
      this.#isInDoubt = true;
      if (this.isUsable) void this.#settleDoubt();
      throw cause;
    }
  }

  async #add(due: readonly QueueDue[]): Promise<void> {
    for (const laneClass of LANE_CLASSES) {
      const items = due.filter((item) => classOf(item.lane) === laneClass);
      for (let from = 0; from < items.length; from += ADD_BATCH) {
        const batch = items.slice(from, from + ADD_BATCH);
        const args = batch.flatMap((item) => [item.lane, item.id, item.at.getTime()]);
        await this.#move('add', laneClass, args);
        this.#ring(
          laneClass,
          batch.reduce((first, item) => Math.min(first, item.at.getTime()), Number.POSITIVE_INFINITY),
        );
      }
    }
  }

  async take(laneClass: LaneClass, count: number, laneLimit: number): Promise<TakeResult> {
    const { owner, takeMs, clock } = this.#options;
    const answer = await this.#move('take', laneClass, [count, owner, clock.now().getTime() + takeMs, laneLimit]);
    const [complete, nextAt, ...rest] = answer as [number, string, ...string[]];
    if (complete === 0) this.#incomplete();
    const items: ScheduledItem[] = [];
    for (let i = 0; i + 1 < rest.length; i += 2) items.push({ lane: rest[i]!, id: rest[i + 1]! as QueueId });
    return { items, nextAtMs: nextAt === '' ? null : Number(nextAt) };
  }

  async extend(item: ScheduledItem): Promise<boolean> {
    const { owner, takeMs, clock } = this.#options;
    const args = [item.lane, item.id, owner, clock.now().getTime() + takeMs];
    return (await this.#move('extend', classOf(item.lane), args)) === 'OK';
  }

  async finish(item: ScheduledItem, nextAt: Date | null): Promise<void> {
    const laneClass = classOf(item.lane);
    const args = [item.lane, item.id, this.#options.owner, nextAt === null ? '' : nextAt.getTime()];
    try {
      const head = await this.#move('finish', laneClass, args);
      if (typeof head === 'string' && head !== '') this.#ring(laneClass, Number(head));
    } catch (cause) {
      if (nextAt !== null) this.#isInDoubt = true;
      throw cause;
    }
  }

  onBell(listener: (laneClass: LaneClass, atMs: number) => void): () => void {
    this.#bellListeners.add(listener);
    return () => this.#bellListeners.delete(listener);
  }

  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  onIncomplete(listener: () => void): () => void {
    this.#incompleteListeners.add(listener);
    return () => this.#incompleteListeners.delete(listener);
  }

  async beginRebuild(): Promise<Rebuild | null> {
    const epoch = this.#epoch;
    if (epoch === null) return null;
    const begin = (): Promise<unknown> =>
      this.#run('rebuild', [...this.#stateKeys(), epoch, this.#options.owner, REBUILDER_LEASE_MS]);
    if ((await begin()) !== 1) return null;
    return {
      add: async (due) => {
        await this.#add(due);
        if ((await begin()) !== 1) throw new ScheduleUnavailable('another process rebuilds');
      },
      finish: async () => {
        const isDone = (await this.#run('rebuilt', [...this.#stateKeys(), epoch, this.#options.owner])) === 1;
        if (isDone) for (const laneClass of LANE_CLASSES) this.#ring(laneClass, this.#options.clock.now().getTime());
        return isDone;
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#epoch = null;
    this.#redis.disconnect();
    this.#subscriber.disconnect();
  }

  #stateKeys(): string[] {
    return ['epoch', 'complete', 'rebuilder'].map((name) => this.#prefix + name);
  }

  #moveKeys(laneClass: LaneClass): string[] {
    return MOVE_KEYS.map((name) =>
      name === 'epoch' || name === 'complete' ? this.#prefix + name : `${this.#prefix}${laneClass}:${name}`,
    );
  }

  #move(name: 'add' | 'take' | 'finish' | 'extend', laneClass: LaneClass, args: readonly (string | number)[]) {
    const epoch = this.#epoch;
    if (epoch === null) return Promise.reject(new ScheduleUnavailable('redis is not reached'));
    return this.#run(name, [...this.#moveKeys(laneClass), epoch, this.#options.clock.now().getTime(), ...args]);
  }

  async #run(name: ScriptName, args: readonly (string | number)[]): Promise<unknown> {
    let answer: unknown;
    try {
      answer = await this.#script(name)(...args);
    } catch (cause) {
      this.#lose('a command failed');
      void this.#enterLater();
      throw new ScheduleUnavailable('redis does not answer', { cause });
    }
    if (answer !== 'STALE') return answer;
    this.#lose('redis lost its data');
    void this.#enter();
    throw new ScheduleUnavailable('redis lost its data');
  }

  #script(name: ScriptName): Script {
    const command = scriptCommand(name);
    const commands = this.#redis as unknown as Readonly<Record<string, Script>>;
    return (...args) => commands[command]!.call(this.#redis, ...args);
  }

  /** Compares epoch and server with what was known; one at a time. */
  #enter(): Promise<void> {
    this.#entering ??= this.#tryToEnter().finally(() => {
      this.#entering = null;
    });
    return this.#entering;
  }

  async #tryToEnter(): Promise<void> {
    if (this.#isClosed || this.#epoch !== null || this.#redis.status !== 'ready') return;
    try {
      const info = await this.#redis.info('server');
      const runId = /run_id:(\S+)/.exec(info)?.[1] ?? 'unknown';
      const args = [...this.#stateKeys(), `${this.#prefix}server`, randomBytes(9).toString('base64url'), runId];
      const [epoch, complete] = (await this.#script('enter')(...args)) as [string, number];
      this.#epoch = epoch;
      await this.#settleDoubt();
      this.#options.log.info({ epoch, isComplete: complete === 1 }, 'queue schedule in redis entered');
      this.#changed();
      if (complete === 0) this.#incomplete();
    } catch (cause) {
      this.#epoch = null;
      this.#options.log.warn({ cause }, 'queue schedule in redis can not be entered');
      void this.#enterLater();
    }
  }

  async #enterLater(): Promise<void> {
    await this.#options.clock.wait(MAX_RECONNECT_WAIT_MS);
    await this.#enter();
  }

  async #settleDoubt(): Promise<void> {
    if (!this.#isInDoubt || this.#epoch === null) return;
    this.#isInDoubt = false;
    try {
      await this.#run('doubt', [...this.#stateKeys(), this.#epoch]);
      this.#incomplete();
    } catch {
      // `run` has already taken the schedule out of use: the doubt is settled when it is entered again.
      this.#isInDoubt = true;
    }
  }

  #lose(reason: string): void {
    if (this.#epoch === null) return;
    this.#epoch = null;
    if (!this.#isClosed) this.#options.log.warn({ reason }, 'queue schedule in redis lost, reading the record');
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#changeListeners) listener();
  }

  #incomplete(): void {
    for (const listener of this.#incompleteListeners) listener();
  }

  get #bellChannel(): string {
    return `${this.#prefix}bell`;
  }

  /** To this process directly, to the others by pub/sub. */
  #ring(laneClass: LaneClass, atMs: number): void {
    for (const listener of this.#bellListeners) listener(laneClass, atMs);
    this.#redis.publish(this.#bellChannel, `${laneClass} ${atMs} ${this.#options.owner}`).catch((cause: unknown) => {
      this.#options.log.debug({ cause }, 'bell not rung: the slow tick does it');
    });
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.subscribe(this.#bellChannel);
      // What rang before the subscription went unheard.
      for (const laneClass of LANE_CLASSES) this.#heard(`${laneClass} 0 -`);
    } catch (cause) {
      this.#options.log.debug({ cause }, 'bell not subscribed: the slow tick does it');
    }
  }

  #heard(message: string): void {
    const [laneClass, at, origin] = message.split(' ');
    if (origin === this.#options.owner || (laneClass !== 'local' && laneClass !== 'remote')) return;
    for (const listener of this.#bellListeners) listener(laneClass, Number(at));
  }
}

const scriptCommand = (name: ScriptName): string => `waxwing_${name}`;

function connect(url: string): Redis {
  return new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableAutoPipelining: false,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), MAX_RECONNECT_WAIT_MS),
  });
}
