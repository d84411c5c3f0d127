// What a run can hold, what it costs, and what is advised.

import type { Advice } from "../compute/theory/advice.ts";
import { bytes, count, number } from "./format.ts";

/** The parts of a run's memory, under their names on the wire. */
const PARTS = ["weights", "adapter", "gradients", "optimizer", "activations", "total"] as const;

/** Capacity against data, cost and advice. */
export function Verdict({ advice }: { advice: Advice }) {
  const { recommended, flops_per_token: flops, memory_bytes: memory } = advice;
  const facts = [
    ["Trained parameters", count(advice.trainable_parameters)],
    ["Rank that holds the data", number(advice.required_r)],
    ["FLOPs a token, LoRA / full", short(flops.ratio)],
    ["Memory, LoRA", bytes(memory.lora.total)],
    ["Memory, full", bytes(memory.full.total)],
    ["Adapter file", bytes(advice.adapter_bytes)],
    ["Advised rank", number(recommended.r)],
    ["Advised learning rate", short(recommended.learning_rate)],
    ["The same for full fine-tuning", short(recommended.full_learning_rate)],
    ["Advised batch size", number(recommended.batch_size)],
  ];
  return (
    <>
      <p>
        <strong class={`verdict ${advice.verdict}`}>
          {advice.verdict === "fits" ? "The data fit" : "Limited by capacity"}
        </strong>
        : {count(advice.capacity_bits)} bits of capacity, {count(advice.dataset_bits)}{" "}
        bits of data (ratio {short(advice.capacity_ratio)}).
      </p>
      <table>
        <tbody>
          {facts.map(([name, value]) => (
            <tr>
              <th scope="row">{name}</th>
              <td class="number">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ul class="quiet">{recommended.reasons.map((reason) => <li>{reason}</li>)}</ul>
    </>
  );
}

/** What the memory of a run is for, with LoRA and in full. */
export function Memory({ advice: { memory_bytes: memory } }: { advice: Advice }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Memory</th>
          <th scope="col" class="number">LoRA</th>
          <th scope="col" class="number">Full</th>
        </tr>
      </thead>
      <tbody>
        {PARTS.map((part) => (
          <tr>
            <th scope="row">{part}</th>
            <td class="number">{bytes(memory.lora[part])}</td>
            <td class="number">{bytes(memory.full[part])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Three digits: more than an estimate has. */
function short(value: number): string {
  return number(Number(value.toPrecision(3)));
}
