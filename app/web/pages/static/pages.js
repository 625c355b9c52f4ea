// The pages work without this. With it, answers come while one types, sliders move the curve, buttons copy, ticks stay.

const QUIET_MS = 90;

function debounced(run) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, QUIET_MS);
  };
}

async function fragment(url, signal) {
  const response = await fetch(url, { headers: { "X-Fragment": "1" }, signal, credentials: "same-origin" });
  if (response.status === 401) location.reload();
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.text();
}

function answering(ask) {
  const form = ask.querySelector("form[data-answers]");
  const answer = ask.querySelector("[data-answer]");
  const spoken = ask.querySelector("[data-spoken]");
  const failed = ask.querySelector("[data-failed]");
  let asked = new AbortController();

  const query = () => {
    const typed = [...new FormData(form)].filter(([, value]) => value !== "");
    return new URLSearchParams(typed).toString();
  };
  const renew = async (all = false) => {
    asked.abort();
    asked = new AbortController();
    const typed = query();
    answer.ariaBusy = "true";
    try {
      const came = document.createElement("template");
      came.innerHTML = await fragment(`${form.dataset.answers}?${typed}`, asked.signal);
      for (const part of came.content.querySelectorAll("[data-part]")) {
        const old = answer.querySelector(`[data-part=${part.dataset.part}]`);
        if (part.dataset.part === "sliders" && old.contains(document.activeElement)) continue;
        old.replaceChildren(...part.childNodes);
        if (part.dataset.part === "sliders") sliding(old, form, soon);
      }
      marking(form, answer, all);
      history.replaceState(null, "", `${form.getAttribute("action")}?${typed}`);
      spoken.textContent = answer.querySelector("[data-speak]")?.textContent ?? "";
      copying(answer);
      failed.hidden = true;
    } catch (error) {
      if (error.name === "AbortError") return;
      failed.hidden = false;
    }
    answer.ariaBusy = "false";
  };
  const soon = debounced(() => renew());
  form.addEventListener("input", soon);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    renew(true);
  });
  form.addEventListener("focusout", (event) => { event.target.dataset.left = "yes"; });
  sliding(answer, form, soon);
}

// A slider puts what its place stands for into the field of the form, and the answer follows.
function sliding(root, form, soon) {
  for (const button of root.querySelectorAll("[data-without-script]")) button.hidden = true;
  for (const slider of root.querySelectorAll("[data-sliders] input[type=range]")) {
    const values = slider.dataset.values.split(",");
    const texts = slider.dataset.texts.split("|");
    slider.addEventListener("input", () => {
      const value = values[slider.value];
      slider.previousElementSibling.textContent = texts[slider.value];
      slider.setAttribute("aria-valuetext", texts[slider.value]);
      put(form, slider.dataset.field, value);
      soon();
    });
  }
}

function put(form, name, value) {
  if (name !== "calls") {
    form.elements[name].value = value;
    return;
  }
  const offered = [...form.elements.calls].some((one) => one.value === value);
  form.elements.calls.value = value === "" ? "unsure" : offered ? value : "own";
  form.elements.calls_per_recipient.value = value === "" || offered ? "" : value;
}

// What does not fit is said at its field, too: of those that somebody was at, or of all once the form was sent.
function marking(form, answer, all) {
  for (const old of form.querySelectorAll("[data-marked]")) old.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  for (const problem of answer.querySelectorAll("[data-wrong]")) {
    const found = form.elements[problem.dataset.field];
    const field = found instanceof RadioNodeList ? found[0] : found;
    const place = field?.closest(".field");
    if (!place || !(all || field.value !== "" || field.dataset.left)) continue;
    const told = Object.assign(document.createElement("p"), { className: "wrong", textContent: problem.dataset.wrong });
    told.id = `${field.id || field.name}-wrong`;
    told.dataset.marked = "";
    place.append(told);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-errormessage", told.id);
    place.closest("details")?.setAttribute("open", "");
  }
}

function copying(root) {
  for (const button of root.querySelectorAll("[data-copies]")) {
    const source = document.getElementById(button.dataset.copies);
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
      const label = button.textContent;
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 1600);
    });
  }
}

// Ticks stay in this browser, by what they are at: another text, such as another speed, is not ticked yet.
function ticking(list) {
  const key = `ticks:${list.dataset.ticks}`;
  const ticked = new Set(JSON.parse(localStorage.getItem(key) ?? "[]"));
  for (const box of list.querySelectorAll("input[type=checkbox]")) {
    const text = box.parentElement.textContent.trim();
    box.checked = ticked.has(text);
    box.addEventListener("change", () => {
      ticked[box.checked ? "add" : "delete"](text);
      localStorage.setItem(key, JSON.stringify([...ticked]));
    });
  }
}

function renewing(part) {
  const every = Number(part.dataset.every) * 1000;
  setInterval(async () => {
    if (document.hidden || part.contains(document.activeElement)) return;
    part.innerHTML = await fragment(part.dataset.renews).catch(() => part.innerHTML);
  }, every);
}

// Arrow keys go from day to day of a month, beyond its edge to the next month.
function moving(month) {
  const days = [...month.querySelectorAll(".date")];
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
  month.addEventListener("keydown", (event) => {
    const place = days.indexOf(event.target.closest("td")?.querySelector(".date"));
    if (place < 0 || !(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const step = steps[event.key];
    for (let next = place + step; ; next += step) {
      if (!days[next]) {
        document.querySelector(step < 0 ? "[rel=prev]" : "[rel=next]")?.focus();
        return;
      }
      if (days[next].checkVisibility()) {
        days[next].focus();
        return;
      }
    }
  });
}

for (const button of document.querySelectorAll("[data-prints]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
document.querySelectorAll("[data-ask]").forEach(answering);
document.querySelectorAll("[data-moves]").forEach(moving);
document.querySelectorAll("[data-renews]").forEach(renewing);
document.querySelectorAll("[data-ticks]").forEach(ticking);
copying(document);
