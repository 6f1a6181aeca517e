"use strict";

// Formats seconds as 1:02.
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

for (const video of document.querySelectorAll(".video")) {
  const data = JSON.parse(video.querySelector("script").textContent);
  const slider = video.querySelector("input[type=range]");
  const status = video.querySelector(".status");
  const buttons = [...video.querySelectorAll(".moments button")];
  const frames = Number(slider.max) + 1;

  const update = () => {
    const frame = Number(slider.value);
    const shown = data.names
      .map((name, row) => [data.values[row][frame], name])
      .filter(([value]) => value > 0)
      .sort((a, b) => b[0] - a[0])
      .slice(0, 4)
      .map(([value, name]) => `${name} ${value}%`);
    const heads = data.heads.flatMap((row, head) => (row[frame] >= 50 ? [head + 1] : []));
    const attention = heads.length ? `; attention of head ${heads.join(", ")}` : "";
    status.textContent = `${clock(frame * data.frame)}: ${shown.join(", ") || "nothing"}${attention}`;
    slider.setAttribute("aria-valuetext", status.textContent);
    for (const cursor of video.querySelectorAll(".cursor")) cursor.style.left = `${((frame + 0.5) / frames) * 100}%`;
  };

  const select = (button) => {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    for (const range of video.querySelectorAll(".range")) {
      range.hidden = !button;
      if (!button) continue;
      const [start, end] = [button.dataset.start, button.dataset.end].map((s) => Number(s) / data.frame / frames);
      range.style.left = `${start * 100}%`;
      range.style.width = `${(end - start) * 100}%`;
    }
    if (button) slider.value = Math.floor(Number(button.dataset.start) / data.frame);
    update();
  };

  for (const button of buttons) {
    button.addEventListener("click", () => select(button.getAttribute("aria-pressed") === "true" ? null : button));
  }
  for (const plot of video.querySelectorAll(".plot")) {
    plot.addEventListener("click", (event) => {
      const box = plot.getBoundingClientRect();
      slider.value = Math.floor(((event.clientX - box.left) / box.width) * frames);
      update();
    });
  }
  slider.addEventListener("input", update);
  update();
}

const find = document.getElementById("find");
if (find) {
  find.addEventListener("input", () => {
    const wanted = find.value.toLowerCase();
    for (const row of document.querySelectorAll("#by-class tbody tr")) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    }
  });
}
