// What a model sees of a data set or a text: tokens, with those that the loss counts marked.

import { count, number } from "./format.ts";
import { Page, Scroll } from "./layout.tsx";

/** A token as text, and whether the loss counts it. */
export interface ShownToken {
  readonly text: string;
  readonly id: number;
  readonly counted: boolean;
}

/** What the page shows. */
export interface DataProps {
  readonly models: readonly string[];
  readonly datasets: readonly {
    readonly name: string;
    readonly description: string;
    readonly licence: string;
    readonly splits: Readonly<Record<string, { readonly rows: number; readonly tokens: number }>>;
    readonly available: boolean;
  }[];
  /** Files of the datasets folder. */
  readonly files: readonly string[];
  readonly values: { readonly model: string; readonly dataset: string; readonly text: string };
  /** Token rows: of the text, or of the first examples of the data set. */
  readonly examples: readonly (readonly ShownToken[])[];
  readonly problem: string | undefined;
}

/** The viewer. */
export function DataPage({ models, datasets, files, values, examples, problem }: DataProps) {
  return (
    <Page title="Data" at="/data">
      <form method="get" class="fields bottom">
        <label>
          <span>Model, whose tokeniser is used</span>
          <select name="model">
            {models.map((name) => <option selected={name === values.model}>{name}</option>)}
          </select>
        </label>
        <label>
          <span>Data set</span>
          <select name="dataset">
            <option value="">none: the text</option>
            {[...datasets.filter(({ available }) => available).map(({ name }) => name), ...files]
              .map((name) => <option selected={name === values.dataset}>{name}</option>)}
          </select>
        </label>
        <label>
          <span>Text</span>
          <input name="text" value={values.text} />
        </label>
        <div>
          <button type="submit" class="primary">Show</button>
        </div>
      </form>
      {problem && <p class="problem" role="alert">{problem}</p>}
      {examples.map((tokens, index) => (
        <>
          <h2>Example {index + 1}, {tokens.length} tokens</h2>
          <p class="tokens">
            {tokens.map(({ text, id, counted }) => (
              <span class={counted ? "counted" : undefined} title={`id ${id}`}>
                {shown(text, id)}
              </span>
            ))}
          </p>
        </>
      ))}
      {examples.length > 0 && (
        <p class="quiet">
          Marked tokens are counted by the loss: {examples.flat().filter(({ counted }) => counted)
            .length} of {examples.flat().length}.
        </p>
      )}
      <h2>Data sets</h2>
      <Scroll label="Data sets">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">What</th>
              <th scope="col">Splits</th>
              <th scope="col">Licence</th>
              <th scope="col">Rows at hand</th>
            </tr>
          </thead>
          <tbody>
            {datasets.map(({ name, description, licence, splits, available }) => (
              <tr>
                <td class="name">{name}</td>
                <td>{description}</td>
                <td>
                  {Object.entries(splits).map(([split, { rows, tokens }]) => (
                    <div class="short">
                      {split}: {number(rows)} rows, {count(tokens)} tokens
                    </div>
                  ))}
                </td>
                <td class="short">{licence}</td>
                <td>{available ? "yes" : "no"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {files.length > 0 && (
        <>
          <h2>Files</h2>
          <ul>{files.map((file) => <li class="name">{file}</li>)}</ul>
        </>
      )}
    </Page>
  );
}

// A token may be a part of a character, which is no text by itself.
function shown(text: string, id: number): string {
  return text.includes("\ufffd") ? `⟨${id}⟩` : text;
}
