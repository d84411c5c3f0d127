// Plotting is heavy: it is loaded when a figure is first asked for.

/** The figures that there are, and what serves them. */
export async function figureModules() {
  const [catalog, { numbersOf }, served] = await Promise.all([
    import("../experiments/catalog.ts"),
    import("../experiments/report.ts"),
    import("../experiments/served_figure.ts"),
  ]);
  return { ...catalog, numbersOf, ...served };
}
