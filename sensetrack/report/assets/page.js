// Read-out, choices and events.

function readout() {
  const cell = pinned || cursor, box = byId("readout");
  box.replaceChildren();
  if (!cell) {
    box.append(make("p", "Move over the map to read its values; click to pin a pixel.", "note"));
    return;
  }
  const i = cell.row * view.cols + cell.col;
  const col = view.first + view.step * cell.col, row = view.first + view.step * cell.row;
  const [a, b, c, d, e, f] = view.transform, u = col + 0.5, v = row + 0.5;
  box.append(make("h3", pinned ? "Pinned pixel (Escape releases it)" : "Pixel", pinned ? "pinned" : ""));
  const place = make("dl");
  pair(place, "column, row", `${col}, ${row}`);
  pair(place, view.axes[0], (a * u + b * v + c).toFixed(view.digits));
  pair(place, view.axes[1], (d * u + e * v + f).toFixed(view.digits));
  box.append(place);
  const byte = view.flagBytes ? view.flagBytes[i] : 0;
  for (const flag of settings.flags) {
    if (!(byte & flag.bit)) continue;
    const line = make("p", "", "flag");
    line.style.borderColor = flag.colour;
    line.append(make("strong", flag.title), ` ${flag.meaning}`);
    box.append(line);
  }
  let group = "", list = null;
  const errors = new Set(Object.entries(errorOf).filter(([name]) => view.named[name]).map(([, error]) => error));
  for (const one of view.layers) {
    if (errors.has(one.name) || one.name === "sigma") continue;
    if (one.group !== group) {
      group = one.group;
      list = make("dl");
      box.append(make("h3", group), list);
    }
    const value = one.values[i], error = view.named[errorOf[one.name]];
    const text = Number.isNaN(value) ? "–" : `${withError(value, error ? error.values[i] : NaN)} ${one.unit}`.trim();
    pair(list, one.name, text, byte & UNUSABLE || Number.isNaN(value) ? "off" : "");
  }
}

function choose(name) {
  layer = name === "flags" ? null : view.named[name];
  colour();
  draw();
}

async function show(index) {
  view = views[index];
  for (const node of document.querySelectorAll("[data-view]")) node.hidden = +node.dataset.view !== index;
  for (const node of document.querySelectorAll("[data-show]")) {
    node.setAttribute("aria-pressed", String(+node.dataset.show === index));
  }
  await load(view);
  const select = byId("layer");
  select.replaceChildren();
  const groups = new Map();
  for (const one of view.layers) {
    if (!groups.has(one.group)) {
      groups.set(one.group, document.createElement("optgroup"));
      groups.get(one.group).label = one.group;
      select.append(groups.get(one.group));
    }
    groups.get(one.group).append(new Option(one.title, one.name));
  }
  if (view.flagBytes) select.append(new Option("Flags: why pixels are empty or doubtful", "flags"));
  if ([...select.options].some((option) => option.value === wanted)) select.value = wanted;
  byId("image-control").hidden = !view.picture;
  byId("decimation").textContent = view.step > 1 ? `The map shows every ${view.step}th pixel of the file.` : "";
  cursor = pinned = null;
  zoom = 1;
  choose(select.value);
  readout();
}

function cellAt(event) {
  const box = canvas.getBoundingClientRect();
  const col = Math.floor(left + ((event.clientX - box.left) / box.width) * (view.cols / zoom));
  const row = Math.floor(top + ((event.clientY - box.top) / box.height) * (view.rows / zoom));
  return { row: clamp(row, 0, view.rows - 1), col: clamp(col, 0, view.cols - 1) };
}

function pin(cell) {
  pinned = pinned && pinned.row === cell.row && pinned.col === cell.col ? null : { ...cell };
  readout();
  draw();
}

function magnify(factor) {
  const row = top + view.rows / zoom / 2, col = left + view.cols / zoom / 2;
  const focus = pinned ? { row: pinned.row + 0.5, col: pinned.col + 0.5 } : { row, col };
  zoom = clamp(zoom * factor, 1, 32);
  left = focus.col - view.cols / zoom / 2;
  top = focus.row - view.rows / zoom / 2;
  draw();
}

let grip = null;
canvas.addEventListener("pointerdown", (event) => {
  grip = { x: event.clientX, y: event.clientY, left, top, moved: false };
  if (zoom > 1) canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  const box = canvas.getBoundingClientRect();
  if (grip && Math.hypot(event.clientX - grip.x, event.clientY - grip.y) > 4) grip.moved = true;
  if (grip && grip.moved && zoom > 1) {
    left = grip.left - ((event.clientX - grip.x) / box.width) * (view.cols / zoom);
    top = grip.top - ((event.clientY - grip.y) / box.height) * (view.rows / zoom);
  }
  cursor = cellAt(event);
  if (!pinned) readout();
  draw();
});
canvas.addEventListener("pointerup", (event) => {
  if (grip && !grip.moved) pin(cellAt(event));
  grip = null;
});
canvas.addEventListener("pointercancel", () => { grip = null; });
canvas.addEventListener("pointerleave", () => {
  cursor = grip = null;
  if (!pinned) readout();
  draw();
});
canvas.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  if (moves[event.key]) {
    const from = cursor || pinned || { row: Math.floor(view.rows / 2), col: Math.floor(view.cols / 2) };
    const stride = event.shiftKey ? 10 : 1, [down, right] = moves[event.key];
    cursor = { row: clamp(from.row + stride * down, 0, view.rows - 1), col: clamp(from.col + stride * right, 0, view.cols - 1) };
    if (!pinned) readout();
    draw();
  } else if (event.key === "Enter" || event.key === " ") {
    if (cursor) pin(cursor);
  } else if (event.key === "Escape") {
    pinned = null;
    readout();
    draw();
  } else if (event.key === "+" || event.key === "=") {
    magnify(2);
  } else if (event.key === "-") {
    magnify(0.5);
  } else {
    return;
  }
  event.preventDefault();
});

byId("layer").addEventListener("change", (event) => choose(wanted = event.target.value));
byId("image").addEventListener("input", draw);
byId("arrows").addEventListener("change", draw);
byId("closer").addEventListener("click", () => magnify(2));
byId("farther").addEventListener("click", () => magnify(0.5));
byId("whole").addEventListener("click", () => { zoom = 1; draw(); });
for (const end of ["low", "high"]) {
  byId(end).addEventListener("change", (event) => {
    const value = parseFloat(event.target.value);
    if (Number.isFinite(value)) layer[end] = value;
    colour();
    draw();
  });
}
for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => show(+button.dataset.show));
}
new ResizeObserver(draw).observe(byId("frame"));
show(0).catch((error) => {
  byId("readout").classList.remove("scripted");
  byId("readout").textContent = `The map cannot be shown: ${error.message}. It needs a browser of 2023 or later.`;
});
