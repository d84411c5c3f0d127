// The generated datasets of the registry. Their makers are in this folder; rows and tokens (bytes as
// noregret/tiny reads them) are what they make.

import type { DatasetInfo } from "../datasets.ts";
import { chat } from "./chat.ts";
import { competition } from "./competition.ts";
import { gradeSchool, halfSolved } from "./grade_school.ts";
import { reasoning } from "./reasoning.ts";

const LICENCE = "CC0-1.0";

/** Rows and bytes of the `train` and `test` splits of one level. */
const LEVEL_SPLITS = [
  { train: { rows: 8192, tokens: 714_068 }, test: { rows: 1024, tokens: 91_033 } },
  { train: { rows: 8192, tokens: 1_492_757 }, test: { rows: 1024, tokens: 179_268 } },
  { train: { rows: 8192, tokens: 1_861_880 }, test: { rows: 1024, tokens: 236_489 } },
  { train: { rows: 8192, tokens: 2_431_729 }, test: { rows: 1024, tokens: 321_920 } },
];

/** What is registered. */
export const GENERATED: readonly DatasetInfo[] = [
  {
    name: "noregret/grade-school",
    description: "Generated word problems of four levels in GSM8K's schema, templates held out",
    licence: LICENCE,
    schema: "problem",
    splits: { train: { rows: 8192, tokens: 1_622_477 }, test: { rows: 1024, tokens: 202_914 } },
    sample: gradeSchool([1, 2, 3, 4]),
  },
  ...LEVEL_SPLITS.map((splits, index): DatasetInfo => ({
    name: `noregret/grade-school-${index + 1}`,
    description: `Level ${index + 1} of noregret/grade-school`,
    licence: LICENCE,
    schema: "problem",
    splits,
    sample: gradeSchool([index + 1]),
  })),
  {
    name: "noregret/half-solved",
    description: "Level 1 of noregret/grade-school with about half of the answers given up",
    licence: LICENCE,
    schema: "problem",
    splits: { train: { rows: 8192, tokens: 703_554 }, test: { rows: 1024, tokens: 89_487 } },
    sample: halfSolved(1),
  },
  {
    name: "noregret/competition",
    description:
      "Generated competition problems with LaTeX answers in MATH's schema, templates held out",
    licence: LICENCE,
    schema: "problem",
    splits: { train: { rows: 4096, tokens: 622_941 }, test: { rows: 512, tokens: 84_389 } },
    sample: competition,
  },
  {
    name: "noregret/reasoning",
    description:
      "Generated reasoning traces in OpenThoughts3's schema (ShareGPT), templates held out",
    licence: LICENCE,
    schema: "messages",
    splits: { train: { rows: 4096, tokens: 1_867_969 }, test: { rows: 512, tokens: 236_398 } },
    sample: reasoning,
  },
  {
    name: "noregret/chat",
    description: "Generated conversations about sentences of the shipped texts in Tulu 3's schema",
    licence: LICENCE,
    schema: "messages",
    splits: { train: { rows: 4096, tokens: 1_053_055 }, test: { rows: 512, tokens: 139_653 } },
    sample: chat,
  },
];
