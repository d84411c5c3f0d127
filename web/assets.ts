// The stylesheet and the scripts of the pages, by the name under which they are served.

import style from "./style.css" with { type: "text" };
import auto from "./scripts/auto.js" with { type: "text" };
import launch from "./scripts/launch.js" with { type: "text" };
import live from "./scripts/live.js" with { type: "text" };
import refresh from "./scripts/refresh.js" with { type: "text" };

/** Text by file name. */
export const ASSETS: ReadonlyMap<string, string> = new Map([
  ["style.css", style],
  ["auto.js", auto],
  ["launch.js", launch],
  ["live.js", live],
  ["refresh.js", refresh],
]);
