// What is rated, kept in this browser under the page's digest; exported and imported as JSON.
const PAGE = JSON.parse(document.getElementById("page").textContent);
const PLACE = "physlaw-label:" + PAGE.digest;
const RATINGS = ["normal", "abnormal", "unsure"];

const blank = () => ({rater: "", started: null, finished: null, position: 0, exported: true, ratings: {}});
let state = blank();
let kept = true;  // false once this browser refuses to keep anything

const ratedCount = () => Object.keys(state.ratings).length;
const isRated = (number) => Object.hasOwn(state.ratings, number);

function keep() {
  try {
    localStorage.setItem(PLACE, JSON.stringify(state));
  } catch {
    kept = false;
  }
  document.getElementById("not-kept").hidden = kept;
}

// What an earlier visit kept, or what another tab of this page just did.
function recall() {
  try {
    const found = JSON.parse(localStorage.getItem(PLACE) ?? "null");
    if (found) state = {...blank(), ...found};
  } catch {
    kept = false;
  }
}

function change(number, rating, cause, seconds) {
  state.ratings[number] = {rating, cause, seconds: Math.round(seconds * 10) / 10};
  state.finished = ratedCount() === PAGE.count ? new Date().toISOString() : null;
  state.exported = false;
  keep();
}

function exportFile() {
  const numbers = Object.keys(state.ratings).map(Number).sort((a, b) => a - b);
  const value = {
    digest: PAGE.digest, rater: state.rater, started: state.started, finished: state.finished,
    ratings: numbers.map((number) => ({number, ...state.ratings[number]})),
  };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(value, null, 1) + "\n"], {type: "application/json"}));
  const name = state.rater.replace(/[^\p{L}\p{N}]+/gu, "_");
  link.download = `ratings-${name}-${PAGE.digest.slice(0, 8)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  state.exported = true;
  keep();
  return link.download;
}

// The state in an exported file's text; throws an Error with a sentence for the rater.
function parseFile(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("it is not JSON.");
  }
  if (typeof value?.rater !== "string" || !value.rater.trim() || !Array.isArray(value.ratings)) {
    throw new Error("it is not a ratings file.");
  }
  if (value.digest !== PAGE.digest) throw new Error("it belongs to another page.");
  const read = {...blank(), rater: value.rater.trim()};
  const time = (text) => (typeof text === "string" ? text : null);
  read.started = time(value.started);
  for (const entry of value.ratings) {
    const {number, rating, cause = null, seconds} = entry ?? {};
    const named = cause === null || (rating === "abnormal" && PAGE.causes.includes(cause));
    const known = Number.isInteger(number) && number >= 1 && number <= PAGE.count && !Object.hasOwn(read.ratings, number);
    if (!known || !RATINGS.includes(rating) || !named || !(Number.isFinite(seconds) && seconds >= 0)) {
      throw new Error(`its rating of clip ${number} is not one that this page writes.`);
    }
    read.ratings[number] = {rating, cause, seconds};
  }
  if (Object.keys(read.ratings).length === PAGE.count) read.finished = time(value.finished);
  return read;
}
