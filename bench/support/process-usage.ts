/**
 * Processor time and memory of the processes under test, as the kernel counts them (Linux /proc; elsewhere the columns stay empty).
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time of a process with all its threads, in milliseconds; 0 when it can't be read. */
export function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** Resident memory in octets; 0 when it can't be read. */
export function residentBytes(pid: number): number {
  try {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(line?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The process on this machine that was started with a port of the URL on its command line, by the names of its program. */
export function servicePid(url: string, programs: readonly string[]): number | null {
  const port = /:(\d{2,5})(?:\/|,|$)/.exec(url)?.[1];
  if (!port) return null;
  let pids: readonly string[];
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return null;
  }
  for (const pid of pids) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const isProgram = programs.some((program) => words[0]?.endsWith(program));
      if (
        isProgram &&
        (words.some((word) => word === port || word.endsWith(`=${port}`)) || words[0]?.includes(`:${port}`))
      )
        return Number(pid);
    } catch {
      // It ended while we looked.
    }
  }
  return null;
}
