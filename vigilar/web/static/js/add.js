// Adding a camera: the steps of a try as they come, and what was typed kept over a reload. The page works without.

const EVERY_MS = 400;
const KEPT = ["address", "user", "small"];
const KEY = "vigilar.add";

const form = document.getElementById("add");
const button = document.getElementById("test");

/** Never the password, which stays with the box; nor an address in which there may be one. */
function keep() {
  const mayHide = (name) => name !== "user" && /[@%?=]|[^:/]\/.*:/.test(form.elements[name].value);
  sessionStorage.setItem(
    KEY,
    JSON.stringify(Object.fromEntries(KEPT.map((name) => [name, mayHide(name) ? "" : form.elements[name].value]))),
  );
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  for (const name of KEPT) if (!form.elements[name].value && kept[name]) form.elements[name].value = kept[name];
  if (form.elements.small.value) form.querySelector("details").open = true;
}

/** Take what the box shows now in place of what stands here; a picture that is there already stays. */
async function draw() {
  const old = document.getElementById("result");
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(answer.statusText);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("result");
  if (!fresh?.dataset.state) return location.assign("/cameras/add"); // forgotten
  const [was, is] = [old.querySelector("img"), fresh.querySelector("img")];
  // In its place, and not in the other document first: that would load it again.
  old.replaceChildren(...[...fresh.childNodes].map((node) => (was && node === is ? was : node)));
  old.dataset.state = fresh.dataset.state;
  if (fresh.dataset.state === "running") return setTimeout(follow, EVERY_MS);
  document.getElementById("tries").replaceWith(page.getElementById("tries"));
  const [mine, theirs] = [form.querySelector(".ticked"), page.querySelector("#add .ticked")];
  if (theirs && !mine) button.before(theirs);
  button.disabled = false;
  // Not out of the hands of somebody who types the next address meanwhile.
  if (!form.contains(document.activeElement)) (document.getElementById("name") ?? document.getElementById("result-head")).focus();
}

async function follow() {
  try {
    await draw();
  } catch {
    document.getElementById("verdict").textContent = "The box does not answer; asking again.";
    setTimeout(follow, 5 * EVERY_MS);
  }
}

restore();
form.addEventListener("input", keep);
form.addEventListener("submit", () => {
  button.disabled = true; // one try a click
});
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) button.disabled = false;
});
const result = document.getElementById("result");
if (result.dataset.state === "running") {
  document.getElementById("result-head").focus(); // on a phone it lies below the form
  setTimeout(follow, EVERY_MS);
} else if (result.dataset.state === "done")
  (result.querySelector("[autofocus]") ?? document.getElementById("name") ?? document.getElementById("result-head")).focus();
result.addEventListener("submit", () => sessionStorage.removeItem(KEY));
