// What the page holds, unpacked, and small helpers. The three scripts are joined into one.

const byId = (id) => document.getElementById(id);
const settings = JSON.parse(byId("settings").textContent);
const views = [...document.querySelectorAll("script.view")].map((node) => JSON.parse(node.textContent));
const canvas = byId("map");
const pen = canvas.getContext("2d");
const MISSING = 65535, UNUSABLE = 127;
const errorOf = { dx: "sigma_dx", dy: "sigma_dy", vx: "vx_error", vy: "vy_error", v: "v_error" };

let view, layer, drawn;                       // what is shown; `drawn` holds the coloured layer
let cursor = null, pinned = null;             // {row, col} in cells of the map
let wanted = null;                            // the layer that was chosen, kept from view to view
let zoom = 1, left = 0, top = 0;              // left and top: first visible column and row

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

function number(value) {
  const size = Math.abs(value);
  if (size < 1e-6) return "0";
  const decimals = size >= 1000 ? 0 : clamp(2 - Math.floor(Math.log10(size)), 0, 5);
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
