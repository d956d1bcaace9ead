"""A video as a browser shows it, in a headless Chromium."""

import base64
from pathlib import Path

import numpy as np
import pytest
from devtools import find_chromium, open_tab

from physlaw.data.video import encode_video

CHROMIUM = find_chromium()
SHOWN = """new Promise((done, failed) => {
  const video = document.createElement("video"), from = %s;
  document.body.append(video);
  video.onerror = () => failed(new Error(video.error.message));
  const look = (now, {mediaTime}) => {  // the frame that has reached the screen
    if (Math.abs(mediaTime - from) > 0.01) return video.requestVideoFrameCallback(look);
    const [width, height] = [video.videoWidth, video.videoHeight];
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(video, 0, 0);
    done([video.duration, height, width, ...context.getImageData(0, 0, width, height).data]);
  };
  video.requestVideoFrameCallback(look);
  video.onloadeddata = () => { video.currentTime = from + 0.05; };
  video.muted = true;
  video.src = "data:video/mp4;base64,%s";
})"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install -y chromium")
def test_a_browser_plays_what_is_written(tmp_path: Path) -> None:
    """Each frame at its time, in its colours; an odd side too."""
    assert CHROMIUM
    clip = np.zeros((4, 33, 48, 3), np.uint8)
    clip[:] = np.array([(255, 255, 255), (220, 30, 30), (30, 200, 60), (40, 60, 220)], np.uint8)[:, None, None]
    code = base64.b64encode(encode_video(clip)).decode()
    with open_tab(CHROMIUM, tmp_path / "profile") as tab:
        for number, frame in enumerate(clip):
            length, height, width, *values = tab.run(SHOWN % (number / 10, code))
            assert (length, height, width) == (pytest.approx(0.4), 34, 48)
            shown = np.array(values, np.uint8).reshape(height, width, 4)[:33, :, :3]
            assert np.abs(shown.astype(int) - frame).max() < 12
