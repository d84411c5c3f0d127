// A mixture of experts on a tape (Shazeer et al. 2017; Qwen3-MoE): the router chooses k experts for each
// token, rows are copied to their experts, each expert is a SwiGLU network, and what comes back is
// summed. A row's weight is applied before the down projection: it is linear, so that the sum is the
// same, and rows are narrower there.
//
// Copies of rows are made again for the backward pass instead of kept: they are k times the width of x.

import type { Tensor } from "../backend/backend.ts";
import { expertLinearBackward, expertLinearForward } from "../ops/expert_linear.ts";
import { gatherRows, scaleRows, scaleRowsBackward, scatterRows } from "../ops/expert_rows.ts";
import {
  groupRows,
  routeBackward,
  routeForward,
  type RouteShape,
  type Routing,
  type RowGroups,
} from "../ops/route.ts";
import type { Tape } from "../tape.ts";
import { linear, swiglu, withPlaces } from "./layers.ts";
import type { Experts, LinearLayer } from "./model.ts";

/** y = the weighted sum of each token's experts. x, y [N, C]. */
export function mixture(tape: Tape, x: Tensor, layers: Experts, shape: RouteShape): Tensor {
  const logits = linear(tape, x, layers.router);
  const routing = route(tape, logits, shape);
  const { experts, scale } = routing;
  const groups = groupRows(tape.backend, routing, layers.router.weight.shape[0]!);
  tape.pushConstant([groups.order, groups.place, groups.offsets]);
  tape.done(logits, experts);
  const [gate, up] = project(tape, x, [layers.gate, layers.up], groups);
  const activated = swiglu(tape, gate, up);
  tape.done(gate, up);
  const y = combine(tape, activated, scale, layers.down, groups, x.shape);
  tape.done(activated, scale, groups.order, groups.place, groups.offsets);
  return y;
}

function route(tape: Tape, logits: Tensor, shape: RouteShape): Routing {
  const { backend } = tape;
  const routing = routeForward(backend, logits, shape);
  const { experts, scale } = routing;
  if (!tape.requires(logits)) {
    tape.pushConstant([experts, scale]);
    return routing;
  }
  const backward = () =>
    withPlaces(
      tape,
      [logits],
      ([dLogits]) => routeBackward(backend, logits, routing, tape.gradient(scale), dLogits!, shape),
    );
  tape.pushConstant([experts]);
  tape.push({ outputs: [scale], backward });
  return routing;
}

/** Products of x's rows with each expert's matrices of several layers. */
function project(
  tape: Tape,
  x: Tensor,
  layers: readonly [LinearLayer, LinearLayer],
  groups: RowGroups,
): [Tensor, Tensor] {
  const { backend } = tape;
  const rows = gatherRows(backend, x, groups);
  const made = layers.map(({ weight, lora }) =>
    expertLinearForward(backend, rows, weight, groups, lora)
  );
  backend.free(rows);
  const outputs = made.map(({ y }) => y) as [Tensor, Tensor];
  const saved = made.flatMap(({ xa }) => xa ?? []);
  const trained = layers.some(({ dW, lora }) => dW || lora);
  if (!trained && !tape.requires(x)) {
    tape.pushConstant(outputs, saved);
    return outputs;
  }
  const backward = () => {
    const again = trained ? gatherRows(backend, x, groups) : undefined;
    const slot = tape.slot(x);
    const dRows = slot && backend.empty([rows.shape[0]!, x.shape[1]!], "f32", "d(rows)");
    layers.forEach(({ weight, dW, lora }, i) =>
      expertLinearBackward(
        backend,
        again,
        weight,
        groups,
        tape.gradient(outputs[i]!),
        {
          dX: dRows && { tensor: dRows, accumulate: i > 0 },
          dW,
          dA: lora?.dA,
          dB: lora?.dB,
        },
        lora,
        made[i],
      )
    );
    if (again) backend.free(again);
    if (!dRows) return;
    scatterRows(backend, dRows, groups, slot.tensor, slot.accumulate);
    backend.free(dRows);
  };
  tape.push({ outputs, saved, backward });
  return outputs;
}

/** Rows times their router's weight, through each expert's down projection, summed for each token. */
function combine(
  tape: Tape,
  x: Tensor,
  scale: Tensor,
  { weight, dW, lora }: LinearLayer,
  groups: RowGroups,
  shape: readonly number[],
): Tensor {
  const { backend } = tape;
  const scaled = scaleRows(backend, x, scale, groups);
  const { y: rows, xa } = expertLinearForward(backend, scaled, weight, groups, lora);
  backend.free(scaled);
  const y = backend.empty(shape, "f32", "experts.out");
  scatterRows(backend, rows, groups, y, false);
  backend.free(rows);
  const saved = xa ? [xa] : [];
  if (!dW && !lora && !tape.requires(x, scale)) {
    tape.pushConstant([y], saved);
    return y;
  }
  const backward = () => {
    const dRows = gatherRows(backend, tape.gradient(y), groups);
    const again = dW || lora ? scaleRows(backend, x, scale, groups) : undefined;
    const wanted = tape.requires(x, scale);
    const dScaled = wanted ? backend.empty(x.shape, "f32", "d(scaled)") : undefined;
    expertLinearBackward(
      backend,
      again,
      weight,
      groups,
      dRows,
      {
        dX: dScaled && { tensor: dScaled, accumulate: false },
        dW,
        dA: lora?.dA,
        dB: lora?.dB,
      },
      lora,
      { xa },
    );
    backend.free(dRows);
    if (again) backend.free(again);
    if (!dScaled) return;
    withPlaces(
      tape,
      [x, scale],
      ([dX, dScale]) => scaleRowsBackward(backend, x, scale, groups, dScaled, dX!, dScale!),
    );
    backend.free(dScaled);
  };
  tape.push({ outputs: [y], saved, backward });
  return y;
}
