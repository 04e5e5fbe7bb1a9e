// Pointing at figures, by mouse, finger and keys.

const RINGS = [0, 3, 6, 10]; // pixels around the pointer where a thin line is looked for

const tip = document.getElementById("tip");
const labels = read("points");

const say = (text, x, y) => {
  if (tip.textContent !== text) tip.textContent = text;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.max(8, Math.min(x + 14, root.clientWidth - width - 8));
  const top = y - height - 14 > 8 ? y - height - 14 : y + 22;
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
};

const found = (plot, x, y) => {
  for (const radius of RINGS) {
    const steps = radius ? 8 : 1;
    for (let step = 0; step < steps; step++) {
      const angle = (2 * Math.PI * step) / steps;
      const hit = document.elementFromPoint(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
      const point = hit && hit.closest("[data-point]");
      if (point && plot.contains(point)) return point;
    }
  }
  return null;
};

for (const plot of document.querySelectorAll(".plot[tabindex]")) {
  const points = [];
  for (const [id, label] of labels[plot.dataset.points]) {
    const element = document.getElementById(id);
    if (!element) continue;
    element.dataset.point = points.length;
    points.push({ element, label });
  }
  let here = null;
  const leave = () => {
    if (here) here.classList.remove("here");
    here = null;
    plot.classList.remove("pointing");
    tip.hidden = true;
  };
  const show = (element, x, y) => {
    if (here !== element) {
      if (here) here.classList.remove("here");
      here = element;
      here.classList.add("here");
      plot.classList.add("pointing");
    }
    say(points[Number(element.dataset.point)].label, x, y);
  };
  const point = (event) => {
    const element = found(plot, event.clientX, event.clientY);
    if (element) show(element, event.clientX, event.clientY);
    else leave();
  };
  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerdown", point);
  plot.addEventListener("pointerleave", leave);
  plot.addEventListener("blur", leave);
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") leave();
    if (!step || !points.length) return;
    event.preventDefault();
    const at = here ? Number(here.dataset.point) + step : step > 0 ? 0 : -1;
    const { element } = points[(at + points.length) % points.length];
    const box = element.getBoundingClientRect();
    show(element, box.x + box.width / 2, box.y + box.height / 2);
  });
}
addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
