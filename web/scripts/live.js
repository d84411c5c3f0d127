// Draws a run's page again, at most once a second, when the event stream says that there is news.

const live = document.querySelector("[data-live]");
if (live?.dataset.live) {
  const source = new EventSource(`${live.dataset.live}?after=end`);
  let timer;
  const draw = async () => {
    timer = undefined;
    const url = new URL(location.href);
    url.searchParams.set("part", "live");
    const answer = await fetch(url);
    if (answer.ok) live.innerHTML = await answer.text();
  };
  const soon = () => (timer ??= setTimeout(draw, 1000));
  for (
    const type of [
      "device",
      "step",
      "eval",
      "checkpoint",
      "retry",
      "started",
      "completions",
      "model",
    ]
  ) {
    source.addEventListener(type, soon);
  }
  for (const type of ["succeeded", "failed", "cancelled"]) {
    source.addEventListener(type, () => {
      source.close();
      location.reload();
    });
  }
}
