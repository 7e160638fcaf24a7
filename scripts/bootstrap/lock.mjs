/**
 * A lock held by a process, as a file that names it.
 *
 * The file appears whole or not at all (written aside, then linked). A lock whose holder no longer runs, by pid and
 * start time, is stale and is taken over; a holder that was killed therefore never blocks the next one.
 */

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isRunning } from './processes.mjs';

let attempts = 0;

/**
 * @param {string} file
 * @returns {import('./processes.mjs').ProcessIdentity | undefined} the running holder, if there is one
 */
export function lockHolder(file) {
  const held = readLock(file);
  return isRunning(held?.holder) ? held?.holder : undefined;
}

/**
 * Takes the lock if it is free or stale.
 *
 * @param {string} file
 * @returns {(() => void) | undefined} releases the lock; undefined if another process holds it
 */
export function tryLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  const aside = `${file}.${process.pid}.${attempts++}`;
  const mine = JSON.stringify(identify(process.pid));
  writeFileSync(aside, mine);
  try {
    for (let round = 0; round < 10; round++) {
      if (linkIfAbsent(aside, file)) return () => release(file, mine);
      const held = readLock(file);
      if (held && isRunning(held.holder)) return undefined;
      if (held) removeStale(file, held.text);
    }
    return undefined;
  } finally {
    rmSync(aside, { force: true });
  }
}

/**
 * Does the work while holding the lock, after waiting for whoever holds it now.
 *
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  let release = tryLock(file);
  while (!release) {
    await sleep(100);
    release = tryLock(file);
  }
  try {
    return await work();
  } finally {
    release();
  }
}

/** @returns {{text: string, holder: any} | undefined} undefined if there is no lock */
function readLock(file) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return { text, holder: JSON.parse(text) ?? undefined };
  } catch {
    return { text, holder: undefined };
  }
}

function linkIfAbsent(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves the stale lock away. If another process was quicker and its fresh lock was moved, that is put back. */
function removeStale(file, staleText) {
  const moved = `${file}.stale.${process.pid}.${attempts++}`;
  try {
    renameSync(file, moved);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(moved, 'utf8') !== staleText) linkIfAbsent(moved, file);
  rmSync(moved, { force: true });
}

function release(file, mine) {
  if (readLock(file)?.text === mine) rmSync(file, { force: true });
}
