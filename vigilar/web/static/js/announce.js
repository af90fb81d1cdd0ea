// One polite line for screen readers, at most every ten seconds.

const line = document.getElementById("announce");
let waiting = [];
let lineTimer = null;
export function announce(words) {
  waiting.push(words);
  lineTimer ??= setTimeout(speak, 400);
}
function speak() {
  line.textContent = waiting.length > 1 ? `${waiting.length} new: ${waiting.slice(0, 3).join(", ")}` : waiting[0];
  waiting = [];
  lineTimer = setTimeout(() => {
    lineTimer = null;
    if (waiting.length) announce(waiting.pop());
  }, 10000);
}
