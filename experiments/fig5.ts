// Figure 5: which layers of a mixture of experts to adapt. Each expert has an adapter of its own, whose rank
// is the one asked for over the experts that a token passes through.

import type { Figure } from "./figure.ts";
import { layersFigure } from "./layers.ts";
import { FIG5_PRESETS } from "./layers_presets.ts";

/** Figure 5. */
export const FIG5: Figure = layersFigure({
  key: "5",
  title: "Which layers of a mixture of experts to adapt",
  presets: FIG5_PRESETS,
});
