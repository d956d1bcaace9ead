// Every film of the page shows the same frame: the CSS variable --frame.
const films = [...document.querySelectorAll(".film")], at = (id) => document.getElementById(id);
const count = Math.max(1, ...films.map((film) => +film.style.getPropertyValue("--count")));
let frame = 0, playing = !matchMedia("(prefers-reduced-motion: reduce)").matches, timer = 0;
function show(next) {
  frame = (next + count) % count;
  document.documentElement.style.setProperty("--frame", frame);
  at("frame").value = frame;
  at("now").textContent = frame + 1;
}
function play(on) {
  playing = on;
  at("play").textContent = on ? "Pause" : "Play";
  clearInterval(timer);
  if (on) timer = setInterval(() => show(frame + 1), 100 / at("pace").value);
}
if (at("play")) {
  at("frame").max = count - 1;
  at("play").onclick = () => play(!playing);
  at("back").onclick = () => { play(false); show(frame - 1); };
  at("step").onclick = () => { play(false); show(frame + 1); };
  at("frame").oninput = () => { play(false); show(+at("frame").value); };
  at("pace").onchange = () => play(playing);
  show(0);
  play(playing);
}
