"use strict";
// The map over time, the series of a place, and the table of pairs.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const canvas = byId("map"), plot = byId("plot");
const MISSING = 65535;
const named = Object.fromEntries(data.maps.map((one) => [one.name, one]));
const colours = {};
let picture = null, cell = null, frame = data.spans.length - 1, timer = 0;

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

async function unpack(item) {
  const stream = new Blob([bytesOf(item.data)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const stored = new Uint16Array(await new Response(stream).arrayBuffer());
  return Float32Array.from(stored, (n) => (n === MISSING ? NaN : item.offset + item.scale * n));
}

async function load() {
  for (const group of [data.speed, data.way]) {
    group.values = await Promise.all(group.v.map(unpack));
    group.errors = await Promise.all(group.error.map(unpack));
  }
  await Promise.all(data.maps.map(async (one) => { one.values = await unpack(one); }));
  for (const [name, text] of Object.entries(data.palettes)) colours[name] = bytesOf(text);
  if (data.image) {
    picture = new Image();
    picture.src = data.image;
    await picture.decode();
  }
}

function shown() {
  const name = byId("layer").value;
  if (name !== "time") return named[name];
  return { values: data.speed.values[frame], low: data.speed.low, high: data.speed.high, unit: "m/yr", palette: "viridis" };
}

function drawMap() {
  const layer = shown(), table = colours[layer.palette];
  const width = Math.round(canvas.clientWidth * devicePixelRatio), height = Math.round(width * data.ratio);
  canvas.style.aspectRatio = String(1 / data.ratio);
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  if (picture) pen.drawImage(picture, 0, 0, width, height);
  const small = document.createElement("canvas");
  small.width = data.cols;
  small.height = data.rows;
  const ink = small.getContext("2d"), pixels = ink.createImageData(data.cols, data.rows);
  layer.values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const place = 3 * Math.max(0, Math.min(255, Math.round(255 * (value - layer.low) / (layer.high - layer.low || 1))));
    pixels.data.set([table[place], table[place + 1], table[place + 2], 255], 4 * i);
  });
  ink.putImageData(pixels, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.globalAlpha = picture ? 1 - byId("image").value / 100 : 1;
  pen.drawImage(small, 0, 0, width, height);
  pen.globalAlpha = 1;
  if (cell) {
    const x = (cell.col + 0.5) * width / data.cols, y = (cell.row + 0.5) * height / data.rows, r = 6 * devicePixelRatio;
    for (const [style, line] of [["#fff", 4], ["#c2410c", 2]]) {
      pen.strokeStyle = style;
      pen.lineWidth = line * devicePixelRatio;
      pen.beginPath();
      pen.arc(x, y, r, 0, 2 * Math.PI);
      pen.stroke();
    }
  }
  drawRamp(layer, table);
}

function drawRamp(layer, table) {
  const pen = byId("ramp").getContext("2d"), pixels = pen.createImageData(256, 1);
  for (let i = 0; i < 256; i++) pixels.data.set([table[3 * i], table[3 * i + 1], table[3 * i + 2], 255], 4 * i);
  pen.putImageData(pixels, 0, 0);
  byId("low").textContent = number(layer.low);
  byId("high").textContent = number(layer.high);
  byId("unit").textContent = byId("layer").value === "alert" ? "0 quiet · 1 accelerating · 2 failing · 3 slowing" : layer.unit;
}

function day(stamp) {
  return new Date(stamp).toISOString().slice(0, 10);
}

function drawTime() {
  const [i, j] = data.spans[frame];
  byId("when").textContent = `${day(data.dates[i])} – ${day(data.dates[j]).slice(5)}`;
  byId("time").hidden = byId("layer").value !== "time";
}

function number(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size < 1e-6) return "0";
  const decimals = size >= 1000 ? 0 : Math.max(0, Math.min(5, 2 - Math.floor(Math.log10(size))));
  return value.toFixed(decimals).replace("-", "\u2212");
}

/* Both to the second significant digit of the error. */
function withError(value, error) {
  if (!Number.isFinite(value) || !(error > 0)) return number(value);
  const decimals = Math.max(0, Math.min(5, 1 - Math.floor(Math.log10(error))));
  return `${value.toFixed(decimals)} ± ${error.toFixed(decimals)}`.replace("-", "\u2212");
}

function roundStep(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((digit) => digit * power >= value);
}

function series() {
  const group = data[byId("quantity").value], at = cell.row * data.cols + cell.col;
  const isSpeed = group === data.speed;
  return group.values.map((values, k) => {
    const [i, j] = isSpeed ? data.spans[k] : [k, k];
    return { from: data.dates[i], to: data.dates[j], value: values[at], error: group.errors[k][at] };
  }).filter((one) => Number.isFinite(one.value));
}

function drawPlot() {
  const style = getComputedStyle(document.body), ratio = devicePixelRatio;
  plot.width = Math.round(plot.clientWidth * ratio);
  plot.height = Math.round(plot.clientHeight * ratio);
  const pen = plot.getContext("2d");
  pen.scale(ratio, ratio);
  const width = plot.clientWidth, height = plot.clientHeight, left = 52, right = 12, top = 14, bottom = 28;
  pen.font = "11.5px system-ui, sans-serif";
  pen.fillStyle = style.getPropertyValue("--soft");
  pen.strokeStyle = style.getPropertyValue("--line");
  const points = cell ? series() : [];
  if (!points.length) {
    pen.textAlign = "center";
    pen.fillText(cell ? "No value at this place." : "Click the map to see the series of a place.", width / 2, height / 2);
    return;
  }
  const first = data.dates[0], last = data.dates[data.dates.length - 1];
  const sure = points.filter((one) => Number.isFinite(one.error));
  let low = Math.min(0, ...points.map((one) => one.value)), high = Math.max(0, ...points.map((one) => one.value));
  const room = 1.5 * (high - low) || 1;
  for (const one of sure) {
    low = Math.min(low, Math.max(one.value - one.error, low - room));
    high = Math.max(high, Math.min(one.value + one.error, high + room));
  }
  high += 0.06 * (high - low);
  const x = (time) => left + (width - left - right) * (time - first) / (last - first || 1);
  const y = (value) => height - bottom - (height - bottom - top) * (value - low) / (high - low || 1);
  const apart = roundStep((high - low) / 5);
  for (let value = Math.ceil(low / apart) * apart; value <= high; value += apart) {
    pen.beginPath();
    pen.moveTo(left, y(value));
    pen.lineTo(width - right, y(value));
    pen.stroke();
    pen.textAlign = "right";
    pen.fillText(number(value), left - 6, y(value) + 4);
  }
  for (const [share, align] of [[0, "left"], [0.5, "center"], [1, "right"]]) {
    pen.textAlign = align;
    pen.fillText(day(first + share * (last - first)), left + share * (width - left - right), height - 9);
  }
  const [i, j] = data.spans[frame];
  pen.fillStyle = style.getPropertyValue("--fill");
  if (byId("quantity").value === "speed") pen.fillRect(x(data.dates[i]), top, x(data.dates[j]) - x(data.dates[i]), height - bottom - top);
  pen.save();
  pen.beginPath();
  pen.rect(left, top - 6, width - left - right + 8, height - bottom - top + 12);
  pen.clip();
  pen.strokeStyle = style.getPropertyValue("--bars");
  pen.lineWidth = 1.6;
  for (const one of sure) {
    const centre = x((one.from + one.to) / 2);
    pen.beginPath();
    pen.moveTo(centre, y(one.value - one.error));
    pen.lineTo(centre, y(one.value + one.error));
    pen.stroke();
  }
  pen.strokeStyle = pen.fillStyle = style.getPropertyValue("--accent");
  pen.lineWidth = 2;
  for (const one of points) {
    pen.beginPath();
    pen.moveTo(x(one.from), y(one.value));
    pen.lineTo(x(one.to), y(one.value));
    pen.stroke();
    pen.beginPath();
    pen.arc(x((one.from + one.to) / 2), y(one.value), 2.6, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.restore();
}

function drawPlace() {
  const list = byId("readout");
  list.replaceChildren();
  if (!cell) return;
  const t = data.transform, isMap = data.axes[0] === "x";
  const half = isMap ? 0.5 : 0;
  const col = cell.col * data.step + half, row = cell.row * data.step + half;
  byId("place").textContent = [t[0] * col + t[1] * row + t[2], t[3] * col + t[4] * row + t[5]]
    .map((value, k) => `${data.axes[k]} ${value.toFixed(data.digits)}`).join(", ");
  const at = cell.row * data.cols + cell.col;
  const add = (name, text) => {
    for (const [tag, content] of [["dt", name], ["dd", text]]) {
      const node = document.createElement(tag);
      node.textContent = content;
      list.append(node);
    }
  };
  const [i, j] = data.spans[frame];
  add(`${day(data.dates[i])} to ${day(data.dates[j])}`,
    `${withError(data.speed.values[frame][at], data.speed.errors[frame][at])} m/yr`);
  const mean = named.v_mean, error = named.v_mean_error;
  if (mean) add("Mean speed", `${withError(mean.values[at], error ? error.values[at] : NaN)} m/yr`);
  const end = data.way.values.length - 1;
  add(`Displacement to ${day(data.dates[end])}`,
    `${withError(data.way.values[end][at], data.way.errors[end][at])} m`);
  if (named.pairs_used) add("Pairs that count", number(named.pairs_used.values[at]).replace(/\.0+$/, ""));
}

function draw() {
  drawTime();
  drawMap();
  drawPlot();
  drawPlace();
}

function choose(event) {
  const box = canvas.getBoundingClientRect();
  const col = Math.floor((event.clientX - box.left) / box.width * data.cols);
  const row = Math.floor((event.clientY - box.top) / box.height * data.rows);
  if (col < 0 || row < 0 || col >= data.cols || row >= data.rows) return;
  cell = { row, col };
  draw();
}

function step(event) {
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!moves) return;
  event.preventDefault();
  const from = cell || { row: Math.floor(data.rows / 2), col: Math.floor(data.cols / 2) };
  cell = {
    row: Math.max(0, Math.min(data.rows - 1, from.row + moves[0])),
    col: Math.max(0, Math.min(data.cols - 1, from.col + moves[1])),
  };
  draw();
}

function play() {
  const button = byId("play");
  if (timer) {
    clearInterval(timer);
    timer = 0;
  } else {
    timer = setInterval(() => {
      frame = (frame + 1) % data.spans.length;
      byId("slider").value = frame;
      draw();
    }, 500);
  }
  button.textContent = timer ? "❚❚" : "▶";
  button.setAttribute("aria-label", timer ? "Pause" : "Play");
}

function sortable() {
  const table = byId("pairs"), heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, index) => head.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows];
    const key = (row) => row.cells[index].textContent;
    const value = (text) => (/^[+\-\u2212]?[\d.]+( %)?$/.test(text) ? parseFloat(text.replace("\u2212", "-")) : NaN);
    rows.sort((a, b) => {
      const [u, v] = [value(key(a)), value(key(b))];
      const order = Number.isNaN(u) || Number.isNaN(v) ? key(a).localeCompare(key(b)) : u - v;
      return down ? -order : order;
    });
    table.tBodies[0].append(...rows);
  }));
}

function start() {
  // A place where the motion is clear is shown first.
  const mean = named.v_mean;
  if (mean) {
    let best = -1;
    mean.values.forEach((value, i) => {
      if (value <= mean.high && (best < 0 || value > mean.values[best])) best = i;
    });
    if (best >= 0) cell = { row: Math.floor(best / data.cols), col: best % data.cols };
  }
  canvas.addEventListener("click", choose);
  canvas.addEventListener("keydown", step);
  byId("slider").addEventListener("input", (event) => { frame = Number(event.target.value); draw(); });
  byId("play").addEventListener("click", play);
  for (const id of ["layer", "quantity", "image"]) byId(id).addEventListener("input", draw);
  addEventListener("resize", draw);
  sortable();
  draw();
  document.body.dataset.ready = "yes";
}

load().then(start);
