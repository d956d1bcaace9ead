// Plays one clip in the canvas: a PNG with all its frames row by row, enlarged by whole device pixels.
const HOLD_S = 0.6;  // on the last frame, so that the jump back does not look like motion

const player = (() => {
  const canvas = document.getElementById("clip");
  const stage = document.getElementById("stage");
  const time = document.querySelector("#time i");
  const context = canvas.getContext("2d");
  const pictures = new Map();  // number -> promise of a decoded picture; the neighbours are fetched ahead
  let picture = null, wanted = 0, paused = false, clock = 0, last = null;
  canvas.width = PAGE.width;
  canvas.height = PAGE.height;

  function fetchPicture(number) {
    if (!pictures.has(number)) {
      const image = new Image();
      image.src = `clips/${String(number).padStart(PAGE.digits, "0")}.png`;
      pictures.set(number, image.decode().then(() => image));
      pictures.get(number).catch(() => pictures.delete(number));  // tried again at the next visit
    }
    return pictures.get(number);
  }

  function draw() {
    const length = PAGE.frames / PAGE.frames_per_s;
    const frame = Math.min(PAGE.frames - 1, Math.floor((clock % (length + HOLD_S)) * PAGE.frames_per_s));
    const x = (frame % PAGE.columns) * PAGE.width, y = Math.floor(frame / PAGE.columns) * PAGE.height;
    context.drawImage(picture, x, y, PAGE.width, PAGE.height, 0, 0, PAGE.width, PAGE.height);
    time.style.width = `${(100 * (frame + 1)) / PAGE.frames}%`;
  }

  function tick(now) {
    if (picture && !paused) {
      clock += last === null ? 0 : (now - last) / 1000;
      draw();
    }
    last = now;
    requestAnimationFrame(tick);
  }

  function fit() {
    const pixel = window.devicePixelRatio || 1;
    const room = Math.min(stage.clientWidth / PAGE.width, (stage.clientHeight - 12) / PAGE.height);
    const whole = Math.floor(room * pixel) / pixel;
    const scale = Math.max(whole || room, 8 / PAGE.width);  // a clip larger than its place shrinks smoothly
    canvas.style.width = time.parentElement.style.width = `${PAGE.width * scale}px`;
    canvas.style.height = `${PAGE.height * scale}px`;
  }

  window.addEventListener("resize", fit);  // also when the screen's pixels change size
  new ResizeObserver(fit).observe(stage);
  requestAnimationFrame(tick);
  return {
    ready: () => picture !== null,
    paused: () => paused,
    pause() { paused = !paused; },
    replay() { clock = 0; paused = false; },
    // Shows clip `number` once it is read; `failed` is called if it cannot be.
    async load(number, failed) {
      wanted = number;
      picture = null;
      canvas.setAttribute("aria-busy", "true");
      clock = 0;
      paused = false;
      context.clearRect(0, 0, PAGE.width, PAGE.height);
      for (const known of [...pictures.keys()]) if (Math.abs(known - number) > 2) pictures.delete(known);
      try {
        const image = await fetchPicture(number);
        if (wanted === number) {
          picture = image;
          draw();
          canvas.setAttribute("aria-busy", "false");
        }
      } catch {
        if (wanted === number) failed();
      }
      for (const near of [number + 1, number - 1]) {
        if (near >= 1 && near <= PAGE.count) fetchPicture(near).catch(() => {});
      }
    },
  };
})();
