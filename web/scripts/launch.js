// Shows the fields of the chosen alternative only, and the verdict on the form as one types.

const form = document.querySelector("form.split");
const verdict = document.getElementById("check");

const show = () => {
  for (const section of form.querySelectorAll("[data-of]")) {
    const chosen = form.querySelector(`[data-kind="${CSS.escape(section.dataset.of)}"]`).value;
    section.hidden = section.dataset.is !== chosen;
    // What cannot be seen must not keep the form from being sent.
    section.disabled = section.hidden;
  }
};

let timer, asked;
const check = async () => {
  asked?.abort();
  asked = new AbortController();
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch("/launch/check", { method: "POST", body, signal: asked.signal });
    if (answer.ok) verdict.innerHTML = await answer.text();
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
};

form.addEventListener("input", () => {
  show();
  clearTimeout(timer);
  timer = setTimeout(check, 300);
});
show();
