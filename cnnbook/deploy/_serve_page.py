"""The page of a server: drop a photograph on it, or draw a digit. It needs nothing from elsewhere.

Type and colours are those of the book's pages.
"""

import base64
import hashlib

from cnnbook.deploy._serve_script import SCRIPT

STYLE = """
:root { color-scheme: light dark; --serif: "Book Serif", Charter, Georgia, serif;
  --sans: "Book Sans", "Segoe UI", system-ui, sans-serif;
  --paper: #fbfaf6; --card: #fff; --tint: #f1efe7; --line: #dcd8cb; --ink: #1b2026;
  --soft: #585d64; --link: #00598f; --blue: #0072b2; --orange: #d55e00; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #15181c; --card: #1c2026; --tint: #23282f; --line: #373e47; --ink: #e8e4da;
  --soft: #a9adb3; --link: #7cc3ef; --blue: #56b4e9; --orange: #f08a3c; } }
*, ::before, ::after { box-sizing: border-box; } [hidden] { display: none !important; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 400 1rem/1.45 var(--sans); }
main { width: min(45rem, 100% - 2rem); margin: 2.5rem auto; }
h1 { margin: 0; font: 600 2rem/1.15 var(--serif); letter-spacing: -.02em; text-wrap: balance; }
.lead { margin: .5rem 0 1.5rem; color: var(--soft); font: 400 1.125rem/1.5 var(--serif); }
.card { padding: 1.5rem; border: 1px solid var(--line); border-radius: 16px;
  background: var(--card); }
.row { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .75rem; }
:is(label, .about) { color: var(--soft); font-size: .875rem; }
:is(button, select, input) { min-height: 2.25rem; max-width: 100%; padding: .3rem .8rem;
  border: 1px solid var(--line); border-radius: 6px; background: var(--card); color: var(--ink);
  font: 500 .9375rem/1.2 var(--sans); }
button { cursor: pointer; } :is(button, select):hover { border-color: var(--soft); }
:focus-visible { outline: 3px solid var(--orange); outline-offset: 3px; }
.pair { display: grid; grid-template-columns: 280px minmax(0, 1fr); gap: 1.5rem;
  margin-top: 1.25rem; }
.stage { display: grid; gap: .6rem; align-content: start; }
.drop { display: grid; place-items: center; width: 100%; aspect-ratio: 1; padding: 0;
  overflow: hidden; border: 2px dashed var(--soft); border-radius: 10px; background: var(--tint);
  color: var(--soft); text-align: center; cursor: pointer; }
.drop.over { border-color: var(--blue); color: var(--ink); }
.drop span { padding: 1rem; } .drop b { display: block; color: var(--link); }
.drop img { width: 100%; height: 100%; object-fit: cover; }
.drop:focus-within { outline: 3px solid var(--orange); outline-offset: 3px; }
.unseen { position: absolute; width: 1px; height: 1px; min-height: 0; padding: 0; border: 0;
  overflow: hidden; clip-path: inset(50%); }
canvas { display: block; width: 100%; aspect-ratio: 1; border-radius: 10px;
  outline: 1px solid var(--line); background: #15181c; cursor: crosshair; touch-action: none; }
ol { display: grid; gap: .7rem; margin: 0; padding: 0; list-style: none; }
li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .15rem .75rem;
  color: var(--soft); font-variant-numeric: tabular-nums; }
li:first-child { color: var(--ink); font-weight: 600; }
.bar { grid-column: 1 / -1; height: .6rem; border-radius: 3px; background: var(--tint);
  overflow: hidden; }
.bar i { display: block; height: 100%; min-width: 2px; background: var(--blue); }
li:first-child .bar i { background: var(--orange); }
.status { min-height: 1.5em; margin: 0 0 .8rem; color: var(--soft); font-size: .9375rem; }
.foot { margin: 1.25rem 0 0; padding-top: .9rem; border-top: 1px solid var(--line);
  color: var(--soft); font-size: .875rem; } a { color: var(--link); }
@media (max-width: 40rem) { main { margin: 1.25rem auto; } .card { padding: 1rem; }
  .pair { grid-template-columns: minmax(0, 1fr); } .stage { max-width: 340px; } }
"""
BODY = """
<main>
<h1>What is on this picture?</h1>
<p class="lead">Choose a network, and show it something. It says what it takes that for.</p>
<section class="card" aria-label="Ask a network">
<form class="row" id="token-row" hidden>
  <label for="token">This server asks for its token</label>
  <input id="token" type="password" autocomplete="off">
  <button>Use it</button>
</form>
<div class="row" id="network-row">
  <label for="network">Network</label> <select id="network"></select>
  <span class="about" id="about"></span>
</div>
<div class="pair" id="work" hidden>
  <div class="stage">
    <label class="drop" id="drop">
      <input class="unseen" id="file" type="file" accept="image/*">
      <span id="hint"><b>Choose a photograph</b> or drop one here, or paste it</span>
      <img id="picture" alt="The picture that was asked about" hidden>
    </label>
    <canvas id="pad" width="280" height="280" tabindex="0" role="img" hidden
      aria-label="Draw a digit here, with a mouse, a finger or a pen"></canvas>
    <div class="row"><button type="button" id="wipe" hidden>Wipe</button></div>
  </div>
  <div>
    <p class="status" id="status" role="status"></p>
    <ol id="classes" aria-label="The most probable classes"></ol>
  </div>
</div>
<p class="foot">The picture goes to this server and nowhere else; it is not kept. For programs:
<a href="/openapi.json">what one can ask</a>.</p>
</section>
</main>
"""
PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>What is on this picture?</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><style>{STYLE}</style></head><body>{BODY}
<script>{SCRIPT}</script></body></html>
"""


def _allow(text: str) -> str:
    """Name a script or style by its hash, so that no other one runs on the page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


PAGE_HEADERS = {
    "content-security-policy": f"default-src 'none'; script-src {_allow(SCRIPT)};"
    f" style-src {_allow(STYLE)}; img-src blob: data:; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
