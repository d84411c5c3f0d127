// What every page has: its head, the way to the other pages, and room for its own content.

import type { Child } from "hono/jsx";

const PAGES = [
  ["/", "Runs"],
  ["/sweeps", "Sweeps"],
  ["/launch", "Launch"],
  ["/figures", "Figures"],
  ["/capacity", "Capacity"],
  ["/data", "Data"],
  ["/device", "Device"],
  ["/docs", "API"],
] as const;

/** What a page is. */
export interface PageProps {
  readonly title: string;
  /** The entry of the navigation that it belongs to, if it belongs to one. */
  readonly at?: (typeof PAGES)[number][0];
  /** Names of its scripts, under /web. */
  readonly scripts?: readonly string[];
  readonly children: Child;
}

/** A whole page. */
export function Page({ title, at, scripts = [], children }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title} · noregret</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/web/style.css" />
        {scripts.map((name) => <script src={`/web/${name}.js`} defer></script>)}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <nav aria-label="Pages">
            <strong>noregret</strong>
            {PAGES.map(([href, name]) => (
              <a href={href} aria-current={href === at ? "page" : undefined}>{name}</a>
            ))}
          </nav>
        </header>
        <main id="main">
          <h1>{title}</h1>
          {children}
        </main>
      </body>
    </html>
  );
}

/** Room for what may be wider than the screen; it can be scrolled with the keyboard too. */
export function Scroll({ label, children }: { label: string; children: Child }) {
  return (
    <div class="scroll" role="region" aria-label={label} tabindex={0}>
      {children}
    </div>
  );
}
