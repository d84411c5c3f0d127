// The models at hand, with their shapes.

import { weightShapes } from "../../compute/models/config.ts";
import { listModels, openModel } from "./stored_models.ts";

/** A model's name and shape, or why it cannot be opened. */
export interface ModelDescription {
  readonly name: string;
  readonly shipped: boolean;
  readonly architecture?: string;
  readonly hidden_size?: number;
  readonly num_hidden_layers?: number;
  readonly vocab_size?: number;
  readonly max_position_embeddings?: number;
  readonly parameters?: number;
  readonly error?: string;
}

/** Describes every model; a broken one says what is wrong with it. */
export async function describeModels(modelsFolder: string): Promise<ModelDescription[]> {
  const described: ModelDescription[] = [];
  for (const { name, folder, shipped } of await listModels(modelsFolder)) {
    try {
      using model = await openModel(folder);
      const { config } = model;
      const shapes = [...weightShapes(config).values()];
      described.push({
        name,
        shipped,
        architecture: config.architecture,
        hidden_size: config.hidden_size,
        num_hidden_layers: config.num_hidden_layers,
        vocab_size: config.vocab_size,
        max_position_embeddings: config.max_position_embeddings,
        parameters: shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0),
      });
    } catch (error) {
      described.push({ name, shipped, error: error instanceof Error ? error.message : `${error}` });
    }
  }
  return described;
}
