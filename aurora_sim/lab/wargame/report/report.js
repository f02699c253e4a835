"use strict";
// Hover: the values under the pointer. All that it shows stands in the picture already; without it nothing is missing.
for (const svg of document.querySelectorAll("svg.timeline")) {
  const curves = [...svg.querySelectorAll("g.curve")];
  const clear = () => svg.querySelectorAll(".hover, .reading").forEach((mark) => mark.remove());
  svg.addEventListener("pointerleave", clear);
  svg.addEventListener("pointermove", (event) => {
    clear();
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    for (const curve of curves) {
      const frame = curve.querySelector(".frame").getBBox();
      if (at.x < frame.x || at.x > frame.x + frame.width) continue;
      const low = Number(curve.dataset.low), high = Number(curve.dataset.high), end = Number(curve.dataset.end);
      const minute = Math.round(((at.x - frame.x) / frame.width) * end / 60);
      const read = [];
      for (const line of curve.querySelectorAll("polyline")) {
        const points = line.getAttribute("points").split(" ").map((pair) => pair.split(",").map(Number));
        let best = points[0];
        for (const point of points) if (Math.abs(point[0] - at.x) < Math.abs(best[0] - at.x)) best = point;
        if (Math.abs(best[0] - at.x) > 12) continue;
        const share = (frame.y + frame.height - 2 - best[1]) / (frame.height - 4);
        read.push(`${line.getAttribute("class")} ${Number((low + share * (high - low)).toPrecision(3))}`);
      }
      const mark = document.createElementNS("http://www.w3.org/2000/svg", "line");
      for (const [key, value] of Object.entries({ x1: at.x, x2: at.x, y1: frame.y, y2: frame.y + frame.height, class: "hover" })) mark.setAttribute(key, value);
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      for (const [key, value] of Object.entries({ x: frame.x + 4, y: frame.y + 12, class: "reading" })) text.setAttribute(key, value);
      text.textContent = `${minute} min: ${read.join(", ")}`;
      curve.append(mark, text);
    }
  });
}
