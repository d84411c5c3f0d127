// GET /docs: the API page. Its script and style come from an npm package; no other host is asked.

import { Hono } from "hono";

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>noregret API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const START =
  `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true });\n`;

// Megabytes of text that most processes never need: loaded on first use.
const bundle = () => import("swagger-ui-dist/swagger-ui-bundle.js", { with: { type: "text" } });
const style = () => import("swagger-ui-dist/swagger-ui.css", { with: { type: "text" } });

const JAVASCRIPT = { "Content-Type": "text/javascript; charset=utf-8" };
const CACHED = { "Cache-Control": "public, max-age=86400" };

/** The API page and what it loads. */
export function docsRoutes(): Hono {
  return new Hono()
    .get("/docs", (c) => c.html(PAGE))
    .get("/docs/start.js", (c) => c.body(START, 200, JAVASCRIPT))
    .get(
      "/docs/swagger-ui-bundle.js",
      async (c) => c.body((await bundle()).default, 200, { ...JAVASCRIPT, ...CACHED }),
    )
    .get(
      "/docs/swagger-ui.css",
      async (c) =>
        c.body((await style()).default, 200, {
          "Content-Type": "text/css; charset=utf-8",
          ...CACHED,
        }),
    );
}
