// Colours the shown layer and paints the map.

const palettes = {};
for (const [name, text] of Object.entries(settings.palettes)) palettes[name] = bytesOf(text);

function classOf(byte) {
  for (const flag of settings.order) if (byte & flag) return flag;
  return 0;
}

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

const classColours = new Map([[0, rgb(settings.measured)], ...settings.flags.map((f) => [f.bit, rgb(f.colour)])]);

/* Slow pixels of a magnitude over an image are paler, so that the ground shows. */
function opacity(share) {
  return layer.kind === "magnitude" && view.picture ? 255 * (0.45 + 0.55 * Math.min(1, 4 * share)) : 255;
}

function colour() {
  drawn = drawn || document.createElement("canvas");
  drawn.width = view.cols;
  drawn.height = view.rows;
  const context = drawn.getContext("2d"), image = context.createImageData(view.cols, view.rows), out = image.data;
  const flags = view.flagBytes, table = layer && palettes[layer.palette];
  for (let i = 0; i < view.rows * view.cols; i++) {
    if (!layer) {
      out.set(classColours.get(classOf(flags[i])), 4 * i);
      out[4 * i + 3] = 255;
      continue;
    }
    const value = layer.values[i];
    if (Number.isNaN(value) || (flags && flags[i] & UNUSABLE && layer.kind !== "share")) continue;
    const share = Math.max(0, Math.min(1, (value - layer.low) / (layer.high - layer.low || 1)));
    const at = 3 * Math.round(255 * share);
    out[4 * i] = table[at];
    out[4 * i + 1] = table[at + 1];
    out[4 * i + 2] = table[at + 2];
    out[4 * i + 3] = opacity(share);
  }
  context.putImageData(image, 0, 0);
  legend();
}

function legend() {
  const ramp = byId("ramp"), ends = byId("ends"), classes = byId("classes");
  byId("scale-title").textContent = layer ? layer.title : "Why pixels are empty or doubtful";
  ramp.hidden = ends.hidden = !layer;
  byId("ramp-place").removeAttribute("style");
  classes.replaceChildren();
  if (layer) {
    const context = ramp.getContext("2d"), image = context.createImageData(256, 1), table = palettes[layer.palette];
    for (let n = 0; n < 256; n++) {
      image.data.set(table.subarray(3 * n, 3 * n + 3), 4 * n);
      image.data[4 * n + 3] = opacity(n / 255);
    }
    context.putImageData(image, 0, 0);
    byId("low").value = +layer.low.toPrecision(4);
    byId("high").value = +layer.high.toPrecision(4);
    byId("unit").textContent = layer.unit;
    return;
  }
  const counts = new Map();
  for (const byte of view.flagBytes) counts.set(classOf(byte), (counts.get(classOf(byte)) || 0) + 1);
  for (const item of [{ bit: 0, title: "Measured", colour: settings.measured }, ...settings.flags]) {
    if (!counts.has(item.bit)) continue;
    const line = make("li"), box = make("i");
    box.style.background = item.colour;
    const share = (100 * counts.get(item.bit)) / view.flagBytes.length;
    line.append(box, item.title, make("b", share < 0.05 ? "<0.1 %" : `${share.toFixed(1)} %`));
    classes.append(line);
  }
}

let queued = false;
function draw() {
  if (queued) return;
  queued = true;
  requestAnimationFrame(() => { queued = false; paint(); });
}

function paint() {
  if (!view || !view.ready || !drawn) return;
  byId("map-panel").classList.add("live");
  const room = byId("frame").clientWidth, tallest = Math.max(320, 0.82 * window.innerHeight);
  const width = Math.floor(Math.min(room, tallest / view.ratio)), height = Math.floor(width * view.ratio);
  const dense = Math.min(2, window.devicePixelRatio || 1);
  if (canvas.width !== width * dense || canvas.height !== height * dense) {
    canvas.width = width * dense;
    canvas.height = height * dense;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  left = clamp(left, 0, view.cols - view.cols / zoom);
  top = clamp(top, 0, view.rows - view.rows / zoom);
  canvas.classList.toggle("zoomed", zoom > 1);
  const sx = (width * zoom) / view.cols, sy = (height * zoom) / view.rows;
  const x = (col) => (col - left) * sx, y = (row) => (row - top) * sy;
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.clearRect(0, 0, width, height);
  const place = [x(0), y(0), view.cols * sx, view.rows * sy];
  pen.imageSmoothingEnabled = true;
  if (view.picture) pen.drawImage(view.picture, ...place);
  pen.globalAlpha = view.picture ? 1 - byId("image").value / 100 : 1;
  pen.imageSmoothingEnabled = false;
  pen.drawImage(drawn, ...place);
  pen.globalAlpha = 1;
  if (view.arrows && byId("arrows").checked) arrows(x, y, sx, sy, width);
  scaleBar(sx, height);
  north(width);
  for (const [cell, colour, size] of [[pinned, "#ffffff", 4], [pinned, "#d5350f", 2], [cursor, "#16202c", 3], [cursor, "#ffffff", 1.4]]) {
    if (cell) outline(x(cell.col), y(cell.row), sx, sy, colour, size);
  }
}

function outline(x, y, sx, sy, colour, size) {
  const side = Math.max(7, sx), tall = Math.max(7, sy);
  pen.strokeStyle = colour;
  pen.lineWidth = size;
  pen.strokeRect(x + sx / 2 - side / 2, y + sy / 2 - tall / 2, side, tall);
}

function arrow(x, y, dx, dy) {
  const length = Math.hypot(dx, dy), head = Math.min(clamp(canvas.clientWidth / 100, 3.5, 6), 0.6 * length), ux = dx / length, uy = dy / length;
  const ex = x + dx, ey = y + dy, bx = ex - head * ux, by = ey - head * uy;
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(bx, by);
  pen.moveTo(bx - 0.45 * head * uy, by + 0.45 * head * ux);
  pen.lineTo(ex, ey);
  pen.lineTo(bx + 0.45 * head * uy, by - 0.45 * head * ux);
  pen.closePath();
}

function inked(path) {
  const fine = clamp(canvas.clientWidth / 600, 0.6, 1);
  pen.lineJoin = "round";
  for (const [colour, width] of [["rgba(255,255,255,0.75)", 3 * fine], ["#16202c", 1.2 * fine]]) {
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = width;
    path();
    pen.stroke();
    pen.fill();
  }
}

function arrows(x, y, sx, sy, width) {
  for (const [col, row, across, down] of view.arrows.list) {
    inked(() => arrow(x(col + 0.5), y(row + 0.5), across * sx, down * sy));
  }
  const { key, unit, length } = view.arrows, long = length * sx;
  const text = `${key} ${unit}`;
  pen.font = "12px system-ui, sans-serif";
  const wide = pen.measureText(text).width + long + 30;
  plate(width - wide - 10, 10, wide, 24);
  pen.fillStyle = "#16202c";
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillText(text, width - wide, 22);
  inked(() => arrow(width - 20 - long, 22, long, 0));
}

function plate(x, y, width, height) {
  pen.fillStyle = "rgba(255,255,255,0.82)";
  pen.beginPath();
  pen.roundRect(x, y, width, height, 5);
  pen.fill();
}

function scaleBar(sx, height) {
  if (!view.metres) return;
  const metres = roundDown((110 * view.metres) / sx), long = (metres / view.metres) * sx;
  plate(10, height - 44, long + 24, 34);
  pen.fillStyle = "#16202c";
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  pen.fillText(metres >= 1000 ? `${metres / 1000} km` : `${metres} m`, 22 + long / 2, height - 28);
  pen.fillRect(22, height - 22, long, 5);
  pen.fillStyle = "#ffffff";
  pen.fillRect(22 + long / 2, height - 21, long / 2 - 1, 3);
}

function north(width) {
  if (!view.north) return;
  const [right, down] = view.north, x = width - 24, y = view.arrows && byId("arrows").checked ? 66 : 34;
  inked(() => arrow(x - 13 * right, y - 13 * down, 21 * right, 21 * down));
  pen.font = "bold 12px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.strokeStyle = "rgba(255,255,255,0.8)";
  pen.lineWidth = 3;
  pen.strokeText("N", x + 17 * right, y + 17 * down);
  pen.fillStyle = "#16202c";
  pen.fillText("N", x + 17 * right, y + 17 * down);
}
