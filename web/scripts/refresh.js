// Keeps a list up to date: fetches the page again and replaces what is marked, while nobody types in it.

const marked = document.querySelector("[data-refresh]");
if (marked) {
  setInterval(async () => {
    if (document.hidden || marked.querySelector("input:checked")) return;
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("[data-refresh]");
    const focused = document.activeElement?.getAttribute("href");
    if (next && next.innerHTML !== marked.innerHTML) {
      marked.innerHTML = next.innerHTML;
      if (focused) marked.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
    }
  }, Number(marked.dataset.refresh));
}
