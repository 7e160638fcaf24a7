/** `GET /`: a small page that tells a person what runs here and how to connect. Plain HTML, no script. */
import type { Middleware } from 'koa';

export interface FrontPage {
  readonly name: string;
  /** Pairs of what and where: 'IMAP', 'mail.example.org:993 (TLS)'. Shown as text. */
  readonly lines: readonly (readonly [label: string, value: string])[];
}

export function frontPage(page: () => FrontPage): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/' || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    const { name, lines } = page();
    const rows = lines.map(([label, value]) => `<tr><th>${escapeHtml(label)}</th><td>${escapeHtml(value)}</td></tr>`);
    ctx.set('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    ctx.set('Cache-Control', 'no-cache');
    ctx.type = 'text/html; charset=utf-8';
    ctx.body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; color: #222; background: #fff }
th { text-align: left; padding-right: 1.5rem; vertical-align: top; font-weight: 600 }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #161616 } a { color: #8bf } }
</style>
<h1>${escapeHtml(name)}</h1>
<p>This is a mail server. Point a mail client at it, or a JMAP client at
<a href="/.well-known/jmap">/.well-known/jmap</a>. Its condition is at <a href="/health">/health</a>.</p>
<table>
${rows.join('\n')}
</table>
</html>
`;
  };
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
