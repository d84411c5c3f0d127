// Sends a form when one of its choices changes: the button is for those without scripts. The choice that
// was changed has the focus again on the page that follows, so that one can go on with the keyboard.

const KEY = "changed";
const changed = sessionStorage.getItem(KEY);
sessionStorage.removeItem(KEY);

for (const form of document.querySelectorAll("form[data-auto]")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", ({ target }) => {
    sessionStorage.setItem(KEY, target.name);
    form.requestSubmit();
  });
  if (changed) form.querySelector(`[name="${CSS.escape(changed)}"]`)?.focus();
}
