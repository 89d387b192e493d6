"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const settings = JSON.parse(byId("settings").textContent);
  const views = [...document.querySelectorAll("script.view")].map((node) => JSON.parse(node.textContent));
  const canvas = byId("map");
  const pen = canvas.getContext("2d");
  const MISSING = 65535, UNUSABLE = 127;
  const errorOf = { dx: "sigma_dx", dy: "sigma_dy", vx: "vx_error", vy: "vy_error", v: "v_error" };

  let view, layer, picture, drawn;              // what is shown; `drawn` holds the coloured layer
  let cursor = null, pinned = null;             // {row, col} in cells of the map
  let wanted = null;                            // the layer that was chosen, kept from view to view
  let zoom = 1, left = 0, top = 0;              // left and top: first visible column and row

  // ---- data -------------------------------------------------------------------------------------------------

  function bytesOf(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }

  async function inflate(text) {
    const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  async function unpack(item) {
    const stored = new Uint16Array(await inflate(item.data));
    return Float32Array.from(stored, (n) => (n === MISSING ? NaN : item.offset + item.scale * n));
  }

  async function load(item) {
    if (item.ready) return;
    const named = {};
    for (const one of item.layers) named[one.name] = one;
    await Promise.all(item.layers.filter((one) => one.data).map(async (one) => { one.values = await unpack(one); }));
    for (const one of item.layers.filter((each) => each.of)) {
      const [a, b] = one.of.map((name) => named[name].values);
      one.values = a.map((value, i) => Math.hypot(value, b[i]));
    }
    item.named = named;
    item.flagBytes = item.flags ? new Uint8Array(await inflate(item.flags)) : null;
    if (item.image) {
      item.picture = new Image();
      item.picture.src = item.image;
      await item.picture.decode();
    }
    item.ready = true;
  }

  // ---- colours ----------------------------------------------------------------------------------------------

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
    const ramp = byId("ramp"), ends = document.querySelector(".ends"), classes = byId("classes");
    byId("scale-title").textContent = layer ? layer.title : "Why pixels are empty or doubtful";
    ramp.hidden = ends.hidden = !layer;
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

  // ---- drawing ----------------------------------------------------------------------------------------------

  let queued = false;
  function draw() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; paint(); });
  }

  function paint() {
    if (!view || !view.ready || !drawn) return;
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

  // ---- reading values ---------------------------------------------------------------------------------------

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

  function number(value) {
    const size = Math.abs(value);
    const decimals = size >= 1000 ? 0 : Math.max(0, Math.min(4, 2 - (size >= 1e-3 ? Math.floor(Math.log10(size)) : -1)));
    return value.toFixed(decimals).replace("-", "\u2212");
  }

  /* Both to the second significant digit of the error. */
  function withError(value, error) {
    if (!(error > 0)) return number(value);
    const decimals = clamp(1 - Math.floor(Math.log10(error)), 0, 5);
    return `${value.toFixed(decimals)} ± ${error.toFixed(decimals)}`.replace("-", "\u2212");
  }

  function roundDown(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    return power * [5, 2, 1].find((digit) => digit * power <= value);
  }

  function clamp(value, low, high) {
    return Math.max(low, Math.min(high, value));
  }

  function make(tag, text = "", name = "") {
    const node = document.createElement(tag);
    if (text) node.textContent = text;
    if (name) node.className = name;
    return node;
  }

  function pair(list, name, text, kind = "") {
    list.append(make("dt", name), make("dd", text, kind));
  }

  // ---- choosing ---------------------------------------------------------------------------------------------

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
    byId("readout").textContent = `The map cannot be shown: ${error.message}. It needs a browser of 2023 or later.`;
  });
})();
