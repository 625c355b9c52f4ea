// The pages work without this. With it, answers come while one types, sliders move the curve, buttons copy.

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
  const form = ask.querySelector("form");
  const answer = ask.querySelector("[data-answer]");
  const spoken = ask.querySelector("[data-spoken]");
  const failed = ask.querySelector("[data-failed]");
  let asked = new AbortController();

  const query = () => {
    const typed = [...new FormData(form)].filter(([, value]) => value !== "");
    return new URLSearchParams(typed).toString();
  };
  const renew = async () => {
    asked.abort();
    asked = new AbortController();
    const typed = query();
    answer.ariaBusy = "true";
    try {
      const came = document.createElement("template");
      came.innerHTML = await fragment(`${form.dataset.answers}?${typed}`, asked.signal);
      for (const part of came.content.querySelectorAll("[data-part]")) {
        answer.querySelector(`[data-part=${part.dataset.part}]`).replaceChildren(...part.childNodes);
      }
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
  const soon = debounced(renew);
  form.addEventListener("input", soon);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    renew();
  });
  sliding(ask, form, soon);
}

// Audiences from a thousand to ten million, twenty steps to each power of ten, in two digits.
const audienceAt = (place) => {
  const value = 1000 * 10 ** (place / 20);
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Math.round(value / unit) * unit;
};
const placeOf = (audience) => Math.round(20 * Math.log10(Math.max(audience, 1000) / 1000));
const plain = (text) => Number(text.replaceAll(",", ""));

function sliding(ask, form, soon) {
  const sliders = ask.querySelector("[data-sliders]");
  const locale = document.documentElement.lang;
  const shown = (value) => value.toLocaleString(locale);
  const scales = {
    audience: { value: audienceAt, place: (value) => placeOf(value) },
    limit_per_min: (() => {
      const values = sliders.querySelector("[data-values]").dataset.values.split(",").map(Number);
      return {
        value: (place) => values[place],
        place: (value) => values.findLastIndex((offered) => offered <= value),
      };
    })(),
  };
  for (const slider of sliders.querySelectorAll("[data-slides]")) {
    const name = slider.dataset.slides;
    const field = form.elements[name];
    const output = sliders.querySelector(`[data-of=${name}]`);
    const tell = (text) => {
      output.textContent = text;
      slider.setAttribute("aria-valuetext", text);
    };
    slider.addEventListener("input", () => {
      field.value = shown(scales[name].value(Number(slider.value)));
      tell(field.value);
      soon();
    });
    const follow = () => {
      const value = plain(field.value);
      const known = field.value !== "" && Number.isFinite(value);
      if (known) slider.value = Math.max(0, scales[name].place(value));
      tell(known ? shown(value) : field.value || "–");
      sliders.hidden = form.elements.audience.value === "";
    };
    field.addEventListener("input", follow);
    follow();
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

function renewing(part) {
  const every = Number(part.dataset.every) * 1000;
  setInterval(async () => {
    if (document.hidden || part.contains(document.activeElement)) return;
    part.innerHTML = await fragment(part.dataset.renews).catch(() => part.innerHTML);
  }, every);
}

for (const button of document.querySelectorAll("[data-prints]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
document.querySelectorAll("[data-ask]").forEach(answering);
document.querySelectorAll("[data-renews]").forEach(renewing);
copying(document);
