// Adding a camera: try it, see each stage, give it a name.

const form = document.getElementById("add");
const result = document.getElementById("result");
const stages = document.getElementById("stages");
const verdict = document.getElementById("verdict");
const head = document.getElementById("result-head");
const save = document.getElementById("save");
const testButton = document.getElementById("test");
const icons = `${document.documentElement.dataset.assets}vendor/icons.svg`;

const value = (name) => form.elements[name].value.trim();

async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
  return { ok: answer.ok, body: await answer.json() };
}

function markField(name) {
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  const input = form.elements[name] ?? save.elements[name];
  input?.setAttribute("aria-invalid", "true");
  input?.focus();
}

function showStages(list) {
  stages.replaceChildren(
    ...list.map((stage) => {
      const row = document.createElement("li");
      row.classList.toggle("is-bad", !stage.ok);
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("class", "icon");
      svg.setAttribute("aria-hidden", "true");
      const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
      use.setAttribute("href", `${icons}#${stage.ok ? "ok" : "bad"}`);
      svg.append(use);
      const words = document.createElement("span");
      words.textContent = stage.detail || stage.name;
      const took = document.createElement("span");
      took.className = "took";
      took.textContent = stage.ms === null || stage.ms === undefined ? "" : `${Math.round(stage.ms)} ms`;
      row.append(svg, words, took);
      return row;
    }),
  );
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!value("address")) return markField("address");
  result.hidden = false;
  save.hidden = true;
  stages.replaceChildren();
  head.textContent = "Trying…";
  verdict.textContent = "Asking the camera. This takes a few seconds.";
  testButton.disabled = true;
  try {
    const { ok, body } = await post("/api/v1/cameras/test", {
      address: value("address"),
      user: value("user"),
      password: form.elements.password.value,
    });
    if (!ok) {
      head.textContent = "That did not work";
      verdict.textContent = body.detail;
      if (body.field) markField(body.field);
      return;
    }
    showStages(body.stages ?? []);
    head.textContent = body.ok ? "It works" : "That did not work";
    verdict.textContent = [body.sentence, body.next_step].filter(Boolean).join(" ");
    if (body.known_as) verdict.textContent = `You already have this camera as ${body.known_as}.`;
    else if (body.ok) {
      save.hidden = false;
      save.elements.name.focus();
    }
  } catch {
    head.textContent = "That did not work";
    verdict.textContent = "The box did not answer. Try again.";
  } finally {
    testButton.disabled = false;
  }
});

save.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { ok, body } = await post("/api/v1/cameras", {
    name: save.elements.name.value.trim(),
    address: value("address"),
    small: value("small"),
    user: value("user"),
    password: form.elements.password.value,
  });
  if (ok) return location.assign("/live");
  verdict.textContent = body.detail;
  if (body.field) markField(body.field);
});
