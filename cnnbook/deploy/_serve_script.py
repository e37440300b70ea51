"""What the page of a server does, in JavaScript: it shows, draws, asks and tells."""

SCRIPT = """
"use strict";
const by = (id) => document.getElementById(id);
const [select, pad, drop, status] = ["network", "pad", "drop", "status"].map(by);
const pen = pad.getContext("2d", { willReadFrequently: true });
let token = "", shape = [28, 28, 1], asked = 0, begun = false;

async function ask(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { ...options, headers });
  by("token-row").hidden = response.status !== 401;
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function listNetworks() {
  const rows = await ask("/v2/repository/index", { method: "POST" });
  const names = rows.filter(({ state }) => state === "READY").map(({ name }) => name);
  select.replaceChildren(...names.map((name) => new Option(name)));
  if (names.length) await chooseNetwork();
  else status.textContent = "No network is ready.";
}

async function chooseNetwork() {
  const about = await ask(`/v2/models/${select.value}`);
  const [, classes] = about.outputs[0].shape;
  shape = about.inputs[0].shape.slice(1);
  by("about").textContent = `${classes} classes, ${shape[0]} by ${shape[1]} pixels`;
  by("work").hidden = false;
  pad.hidden = by("wipe").hidden = shape[2] !== 1;
  drop.hidden = shape[2] === 1;
  wipe();
}

// Ask about one picture; an answer that is overtaken by a later question is not shown.
async function classify(picture) {
  const mine = ++asked, start = performance.now();
  try {
    const answer = await ask(`/v2/models/${select.value}/classify`,
      { method: "POST", body: picture });
    if (mine !== asked) return;
    tell(answer.classes);
    status.textContent = `Answered in ${Math.round(performance.now() - start)} ms.`;
  } catch (error) {
    if (mine === asked) tell([], `No answer: ${error.message}.`);
  }
}

function tell(classes, words = "") {
  status.textContent = words;
  by("classes").replaceChildren(...classes.map((row) => {
    const line = document.createElement("li"), bar = document.createElement("span");
    const fill = document.createElement("i");
    fill.style.width = `${100 * row.probability}%`;
    bar.className = "bar";
    bar.append(fill);
    const parts = [row.class, `${(100 * row.probability).toFixed(1)} %`].map((text) =>
      Object.assign(document.createElement("span"), { textContent: text }));
    line.append(...parts, bar);
    return line;
  }));
}

function showPicture(file) {
  if (!file || drop.hidden) return;
  const picture = by("picture");
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  picture.hidden = false;
  by("hint").hidden = true;
  classify(file);
}

function wipe() {
  asked++;
  pen.fillStyle = "black";
  pen.fillRect(0, 0, 280, 280);
  Object.assign(pen, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "white" });
  by("picture").hidden = true;
  by("hint").hidden = false;
  by("file").value = "";
  tell([], pad.hidden ? "" : "Draw a digit in the black square.");
}

// As digits are in MNIST: 5/7 of the side, the centre of mass in the middle.
function centered() {
  const { data } = pen.getImageData(0, 0, 280, 280);
  let [left, top, right, bottom, ink, x, y] = [280, 280, 0, 0, 0, 0, 0];
  for (let k = 0; k < 280 * 280; k++) {
    if (!data[4 * k]) continue;
    const [column, row] = [k % 280, Math.floor(k / 280)];
    [left, right] = [Math.min(left, column), Math.max(right, column + 1)];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row + 1)];
    ink += data[4 * k];
    [x, y] = [x + data[4 * k] * column, y + data[4 * k] * row];
  }
  const small = document.createElement("canvas");
  [small.height, small.width] = shape;
  const scale = (Math.min(...shape.slice(0, 2)) * 5) / 7 / Math.max(right - left, bottom - top);
  const place = (from, mass, side, length) => {
    const start = Math.round(side / 2 - (mass / ink - from) * scale);
    return Math.max(0, Math.min(start, Math.floor(side - length)));
  };
  const [width, height] = [(right - left) * scale, (bottom - top) * scale];
  const brush = small.getContext("2d");
  brush.fillRect(0, 0, small.width, small.height);
  brush.imageSmoothingQuality = "high";
  brush.drawImage(pad, left, top, right - left, bottom - top, place(left, x, shape[1], width),
    place(top, y, shape[0], height), width, height);
  return new Promise((resolve) => small.toBlob(resolve));
}

function draw(event) {
  const box = pad.getBoundingClientRect(), scale = 280 / box.width;
  pen.lineTo((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
  pen.stroke();
}

pad.onpointerdown = (event) => {
  pad.setPointerCapture(event.pointerId);
  pen.beginPath();
  begun = true;
  draw(event);
};
pad.onpointermove = (event) => begun && draw(event);
pad.onpointerup = pad.onpointercancel = async () => {
  begun = false;
  classify(await centered());
};
const failed = (error) => { status.textContent = `${error.message}.`; };
by("wipe").onclick = wipe;
select.onchange = () => chooseNetwork().catch(failed);
by("file").onchange = (event) => showPicture(event.target.files[0]);
drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
drop.ondragleave = () => drop.classList.remove("over");
drop.ondrop = (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  showPicture(event.dataTransfer.files[0]);
};
document.onpaste = (event) => showPicture(event.clipboardData.files[0]);
by("token-row").onsubmit = (event) => {
  event.preventDefault();
  token = by("token").value;
  listNetworks().catch(failed);
};
listNetworks().catch(failed);
"""
