/**
 * `GET /health`: whether the process lives and whether it is ready, with one sentence per check; `/health/live` and `/health/ready` for orchestrators.
 * 200 when ready, 503 when not. Says nothing that a stranger should not read: no addresses, no versions.
 */
import type { Middleware } from 'koa';

export interface HealthCheck {
  readonly name: string;
  readonly isOk: boolean;
  /** One sentence for a person. */
  readonly sentence: string;
}
export interface HealthReport {
  readonly isReady: boolean;
  readonly checks: readonly HealthCheck[];
}

/** Answers even when a check hangs. */
export const HEALTH_DEADLINE_MS = 3_000;

export function healthEndpoint(check: () => Promise<HealthReport>): Middleware {
  return async (ctx, next) => {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return next();
    if (ctx.path === '/health/live') {
      ctx.set('Cache-Control', 'no-store');
      ctx.body = { live: true };
      return;
    }
    if (ctx.path !== '/health' && ctx.path !== '/health/ready') return next();
    const report = await withDeadline(check());
    ctx.set('Cache-Control', 'no-store');
    ctx.status = report.isReady ? 200 : 503;
    ctx.body = {
      live: true,
      ready: report.isReady,
      checks: report.checks.map(({ name, isOk, sentence }) => ({ name, ok: isOk, sentence })),
    };
  };
}

async function withDeadline(report: Promise<HealthReport>): Promise<HealthReport> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<HealthReport>((resolve) => {
    const sentence = `The checks did not answer within ${HEALTH_DEADLINE_MS / 1000} seconds.`;
    timer = setTimeout(
      () => resolve({ isReady: false, checks: [{ name: 'health', isOk: false, sentence }] }),
      HEALTH_DEADLINE_MS,
    );
  });
  const failed = (): HealthReport => ({
    isReady: false,
    checks: [{ name: 'health', isOk: false, sentence: 'The checks failed; the reason is in the log.' }],
  });
  try {
    return await Promise.race([report.catch(failed), late]);
  } finally {
    clearTimeout(timer);
  }
}
