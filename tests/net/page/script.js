// Uses what the page loads, seeks in the video, and leaves what it saw in window.finished.
"use strict";

const once = (target, event) => new Promise((resolve, reject) => {
  target.addEventListener(event, resolve, { once: true });
  target.addEventListener("error", () => reject(new Error(`${event}: ${target.error?.message}`)),
    { once: true });
});

async function seek(video, seconds) {
  const seeked = once(video, "seeked");
  video.currentTime = seconds;
  await seeked;
  const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 90 });
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 160, 90);
  const pixels = context.getImageData(0, 0, 160, 90).data;
  return { at: video.currentTime, colours: new Set(new Uint32Array(pixels.buffer)).size };
}

async function look() {
  const video = document.getElementById("video");
  if (video.readyState < HTMLMediaElement.HAVE_METADATA)
    await once(video, "loadedmetadata");
  const seen = {
    colour: getComputedStyle(document.querySelector("h1")).color,
    vector: document.getElementById("vector").naturalWidth,
    bitmap: document.getElementById("bitmap").naturalWidth,
    duration: Math.round(video.duration),
    width: video.videoWidth,
    end: await seek(video, video.duration - 1),
    begin: await seek(video, 0.5),
    middle: await seek(video, video.duration / 2),
    fetched: (await (await fetch("data.json")).json()).a,
    part: await (await fetch("page.html", { headers: { Range: "bytes=15-20" } })).text(),
    missing: (await fetch("missing")).status,
  };
  document.getElementById("results").textContent = JSON.stringify(seen, null, 1);
  document.title = "seen";
  return seen;
}

window.finished = new Promise((resolve) => window.addEventListener("load", () => resolve(look())));
