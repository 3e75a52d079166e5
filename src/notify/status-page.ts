import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { OutgoingMessage } from '../run/events.ts';

/** Everything the page shows. Of posts of the same moment, the later one counts. */
export interface StatusPage {
  title: string;
  posts: readonly OutgoingMessage[];
}

/** The page could not be written where the runbook says. */
export class PageNotWritten extends Error {
  readonly advice =
    'Look whether the folder exists and may be written to. The posts are kept and the page is tried again.';
  constructor(path: string, cause: unknown) {
    super(`The status page ${path} could not be written.`, { cause });
    this.name = 'PageNotWritten';
  }
}

/** A post's state as a reader sees it, and whether it is calm, at work, or trouble: which colours the page. */
const STATES: Record<string, { says: string; tone: 'calm' | 'work' | 'trouble' }> = {
  scheduled: { says: 'Maintenance scheduled', tone: 'calm' },
  'in-progress': { says: 'Maintenance in progress', tone: 'work' },
  verifying: { says: 'Maintenance in progress: checking the result', tone: 'work' },
  completed: { says: 'All systems operational', tone: 'calm' },
  extended: { says: 'Maintenance takes longer than planned', tone: 'trouble' },
  'rolled-back': { says: 'All systems operational; the change was taken back', tone: 'calm' },
  cancelled: { says: 'Maintenance called off', tone: 'calm' },
};

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text as text, whatever it holds. Controls and marks that turn the direction of writing are left out. */
function escaped(text: string): string {
  const plain = text.replace(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '');
  return plain.replace(/[&<>"']/g, (mark) => ENTITIES[mark] ?? mark);
}

function moment(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}

function item(post: OutgoingMessage): string {
  const { says, tone } = STATES[post.state ?? ''] ?? { says: post.state ?? '', tone: 'work' };
  return `      <li class="${tone}">
        <p class="when">${moment(post.dueAt)} · ${escaped(says)}</p>
        <p>${escaped(post.body.trim()).replaceAll('\n', '<br>\n')}</p>
      </li>`;
}

const STYLE = `
      :root { color-scheme: light dark; --calm: light-dark(#1a6b35, #7fd79a); --work: light-dark(#0b57a8, #8fc1ff);
        --trouble: light-dark(#9a4a00, #ffb86b); --quiet: light-dark(#555, #aaa); }
      body { font: 1.0625rem/1.55 system-ui, sans-serif; max-width: 42rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
      h1 { font-size: 1.1rem; font-weight: 500; color: var(--quiet); margin: 0 0 .75rem; overflow-wrap: anywhere; }
      .now { font-size: 1.5rem; line-height: 1.25; font-weight: 650; padding: 1rem 1.25rem; margin: 0 0 2rem;
        border-left: .375rem solid; border-radius: .25rem; background: light-dark(#f3f4f6, #1f2226); }
      .now small { display: block; font-size: .9rem; font-weight: 400; margin-top: .5rem; color: var(--quiet); }
      h2 { font-size: 1.1rem; }
      ol { list-style: none; padding: 0; margin: 0; }
      li { border-left: .1875rem solid; padding: 0 0 .25rem 1rem; margin: 0 0 1.25rem; overflow-wrap: anywhere; }
      .calm { border-color: var(--calm); } .work { border-color: var(--work); } .trouble { border-color: var(--trouble); }
      li p { margin: 0; } .when { font-size: .9rem; color: var(--quiet); }`;

/**
 * The page: what is so now, and every post, newest first. A whole HTML document that needs nothing from elsewhere and no
 * script, so that it can be put on any server and still be read when everything else is down. Pure.
 */
export function statusPage({ title, posts }: StatusPage): string {
  const newestFirst = posts.toReversed().toSorted((a, b) => b.dueAt - a.dueAt);
  const [latest] = newestFirst;
  const now = STATES[latest?.state ?? ''] ?? { says: 'Nothing to report', tone: 'calm' };
  const updated = latest ? `\n      <small>Last update ${moment(latest.dueAt)}</small>` : '';
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="refresh" content="60">
    <title>${escaped(now.says)} – ${escaped(title)}</title>
    <style>${STYLE}
    </style>
  </head>
  <body>
    <main>
    <h1>${escaped(title)}</h1>
    <p class="now ${now.tone}" role="status">${escaped(now.says)}${updated}</p>
    <h2>Updates</h2>
    <ol reversed>
${newestFirst.map(item).join('\n')}
    </ol>
    </main>
  </body>
</html>
`;
}

/**
 * Puts the page in its place whole: a reader sees the old page or the new one, never half of one.
 * @throws PageNotWritten
 */
export async function writeStatusPage(path: string, page: StatusPage): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
  try {
    const file = await open(draft, 'w', 0o644);
    try {
      await file.writeFile(statusPage(page));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new PageNotWritten(path, cause);
  }
}
