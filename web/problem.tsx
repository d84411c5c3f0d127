// What a reader sees where there is no page, or where it cannot be shown.

import { Page } from "./layout.tsx";

/** The page of an error. */
export function ProblemPage(
  { title, detail, problems }: {
    readonly title: string;
    readonly detail: string;
    /** The bad fields, if it is about fields. */
    readonly problems: readonly { readonly path: string; readonly message: string }[];
  },
) {
  return (
    <Page title={title}>
      <p class="problem" role="alert">{detail}</p>
      {problems.length > 0 && (
        <ul>
          {problems.map(({ path, message }) => (
            <li>
              <code>{path}</code>: {message}
            </li>
          ))}
        </ul>
      )}
      <p>
        <a href="/">To the runs</a>
      </p>
    </Page>
  );
}
