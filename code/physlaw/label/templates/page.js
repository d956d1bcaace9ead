// Keys, buttons and what is shown. One clip at a time; a rating leads on to the next.
const element = (id) => document.getElementById(id);
const watched = new Map();  // number -> seconds on screen in this visit
const EARLY = "The clip is not loaded yet.";
let since = null;  // when the clip on screen was last counted; null while nothing is seen

const number = () => state.position + 1;
const rating = () => !element("rating").hidden;
const say = (text) => { element("say").textContent = text; };

function count() {
  const now = performance.now();
  if (since !== null) watched.set(number(), (watched.get(number()) ?? 0) + (now - since) / 1000);
  since = document.hidden || !rating() || !player.ready() ? null : now;
}

function render() {
  const done = ratedCount(), entry = state.ratings[number()];
  element("where").textContent = `Clip ${number()} of ${PAGE.count}`;
  element("bar").value = done;
  element("done").textContent = `${done} rated, ${Math.floor((100 * done) / PAGE.count)} %`;
  for (const button of document.querySelectorAll("[data-rating]")) {
    button.setAttribute("aria-pressed", button.dataset.rating === entry?.rating);
  }
  for (const button of document.querySelectorAll("[data-cause]")) {
    button.setAttribute("aria-pressed", button.dataset.cause === entry?.cause);
  }
  element("causes").hidden = entry?.rating !== "abnormal";
  element("back").disabled = state.position === 0;
  element("forth").disabled = state.position === PAGE.count - 1;
  element("pause").lastElementChild.textContent = player.paused() ? "Play" : "Pause";
  element("who").textContent =
    `Rater: ${state.rater}. ${state.exported ? "" : "Ratings not exported yet. "}Page ${PAGE.digest.slice(0, 8)}.`;
}

function show(position) {
  count();
  since = null;
  state.position = position;
  keep();
  const wanted = number();
  player.load(wanted, () => say(`Clip ${wanted} cannot be read: is the folder complete?`)).then(() => {
    count();
    if (player.ready() && element("say").textContent === EARLY) say("");
  });
  render();
}

function enter() {
  element("intro").hidden = true;
  element("rating").hidden = false;
  window.scrollTo(0, 0);
  show(Math.min(Math.max(0, state.position), PAGE.count - 1));
  element("where").focus();
}

function leave() {
  count();
  since = null;
  element("rating").hidden = true;
  element("intro").hidden = false;
  element("rater").value = state.rater;
  element("rater").focus();
}

// After a rating: the next clip, or after the last one the first that is left.
function forward() {
  if (ratedCount() === PAGE.count) say(`All ${PAGE.count} clips are rated. Export your ratings now (key e).`);
  if (state.position < PAGE.count - 1) return show(state.position + 1);
  for (let position = 0; position < PAGE.count; position++) {
    if (!isRated(position + 1)) {
      say(`That was the last clip; clip ${position + 1} is not rated yet.`);
      return show(position);
    }
  }
  return render();
}

function rate(chosen) {
  if (!player.ready()) return say(EARLY);
  count();
  const cause = chosen === "abnormal" ? (state.ratings[number()]?.cause ?? null) : null;
  change(number(), chosen, cause, watched.get(number()) ?? 0);
  say(`Clip ${number()}: ${chosen}.`);
  if (chosen !== "abnormal") return forward();
  if (ratedCount() === PAGE.count) say(`All ${PAGE.count} clips are rated. Say why if you can, then export (key e).`);
  return render();
}

function blame(cause) {
  const entry = state.ratings[number()];
  if (entry?.rating !== "abnormal") return;
  change(number(), "abnormal", cause, entry.seconds);
  say(`Clip ${number()}: abnormal, ${document.querySelector(`[data-cause="${cause}"]`).lastChild.textContent.trim()}.`);
  forward();
}

const actions = {
  n: () => rate("normal"), a: () => rate("abnormal"), u: () => rate("unsure"),
  ArrowLeft: () => { if (state.position > 0) show(state.position - 1); },
  ArrowRight: () => { if (state.position < PAGE.count - 1) show(state.position + 1); else if (ratedCount()) forward(); },
  " ": () => { player.pause(); render(); },
  r: () => { player.replay(); render(); },
  e: () => {
    if (!ratedCount()) return say("Nothing is rated yet.");
    say(`Exported ${ratedCount()} of ${PAGE.count} ratings: ${exportFile()}`);
    render();
  },
  "?": leave,
};
Object.assign(actions, {1: actions.n, 2: actions.a, 0: actions.u});
PAGE.causes.forEach((cause, k) => { actions[k + 3] = () => blame(cause); });

document.addEventListener("keydown", (event) => {
  if (!rating() || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if ([" ", "Enter"].includes(event.key) && event.target.closest("button")) return;  // the button's own keys
  // Digits by place: some keyboards have them behind shift.
  const digit = /^Digit(\d)$/.exec(event.code);
  const action = actions[digit && event.key !== "?" ? digit[1] : event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

const click = (id, action) => element(id).addEventListener("click", (event) => {
  if (event.detail) event.currentTarget.blur();  // by pointer: the space key stays the player's
  action();
});
for (const [id, key] of [["back", "ArrowLeft"], ["forth", "ArrowRight"], ["pause", " "], ["replay", "r"],
  ["export", "e"], ["help", "?"]]) click(id, actions[key]);
for (const id of ["import", "import-intro"]) click(id, () => element("file").click());
for (const button of document.querySelectorAll("[data-rating], [data-cause]")) {
  button.addEventListener("click", (event) => {
    if (event.detail) button.blur();
    if (button.dataset.rating) rate(button.dataset.rating); else blame(button.dataset.cause);
  });
}
click("over", () => {
  if (!confirm(`Forget all ${ratedCount()} ratings in this browser and start over, perhaps as another rater?`)) return;
  since = null;
  watched.clear();
  state = blank();
  keep();
  leave();
  say("");
});

element("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  state.rater = element("rater").value.trim();
  if (!state.rater) return say("A name or initials, please.");
  state.started ??= new Date().toISOString();
  say("");
  enter();
});

element("file").addEventListener("change", async () => {
  const [file] = element("file").files;
  if (!file) return;
  try {
    const read = parseFile(await file.text());
    const count = Object.keys(read.ratings).length;
    if (ratedCount() && !confirm(`Replace the ${ratedCount()} ratings here by the file's ${count}?`)) return;
    state = read;
    state.position = Math.max(0, [...Array(PAGE.count).keys()].findIndex((position) => !isRated(position + 1)));
    state.started ??= new Date().toISOString();
    enter();
    say(`Imported ${count} of ${PAGE.count} ratings by ${state.rater}.`);
  } catch (error) {
    say(`${file.name}: ${error.message}`);
  } finally {
    element("file").value = "";
  }
});

document.addEventListener("visibilitychange", count);
window.addEventListener("beforeunload", (event) => {
  if (!ratedCount() || state.exported) return;
  event.preventDefault();
  event.returnValue = true;  // what older browsers ask for
});
window.addEventListener("storage", (event) => {
  if (event.key !== PLACE) return;
  const position = state.position;
  recall();
  state.position = position;
  if (state.rater) element("rater").value = state.rater;
  render();
  say("This page is open in another tab too; its ratings are shown here.");
});

recall();
keep();
if (state.rater && state.started) enter();
else element("rater").focus();
