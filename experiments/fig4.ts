// Figure 4: which layers of a dense model to adapt.

import type { Figure } from "./figure.ts";
import { layersFigure } from "./layers.ts";
import { FIG4_PRESETS } from "./layers_presets.ts";

/** Figure 4. */
export const FIG4: Figure = layersFigure({
  key: "4",
  title: "Which layers to adapt: attention, MLP or all",
  presets: FIG4_PRESETS,
});
