// Sphinx finds the pages that have the words; here the places on each page are shown, with the words
// marked. The texts come in a script of their own, since a page opened from a disk may not fetch others.
"use strict";
(() => {
  const TEXTS = window.SEARCH_TEXTS ?? {};
  const PLACES = 3, DETAILED = 6, AT_ONCE = 25; // places of a page; pages with all of them, and with one
  const EXCERPT = 230; // characters of a place

  const make = (tag, className, ...inside) => {
    const element = Object.assign(document.createElement(tag), { className });
    element.append(...inside);
    return element;
  };

  // "accuracy" has the stem "accuraci"; what begins with a stem is a form of the word.
  function patternOf(terms) {
    const escaped = [...terms].map((term) => term.replace(/[^\p{L}\p{N}_]/gu, "\\$&").replace(/i$/, "[iy]"));
    return new RegExp(`(?<![\\p{L}\\p{N}_])(${escaped.join("|")})[\\p{L}\\p{N}_]*`, "giu");
  }

  // Which of the words stand where in a text: [number of the word, from, to].
  function hitsIn(text, terms) {
    const stems = [...terms].map((term) => term.replace(/i$/, ""));
    return [...text.matchAll(patternOf(terms))].map((found) =>
      [stems.findIndex((stem) => found[0].toLowerCase().startsWith(stem)), found.index, found.index + found[0].length]);
  }

  const distinct = (hits) => new Set(hits.map(([word]) => word)).size;

  function placesOf(page, terms) {
    const places = TEXTS[page].map(([anchor, title, text]) => {
      const hits = hitsIn(text, terms), inTitle = distinct(hitsIn(title, terms));
      const score = 6 * inTitle + 3 * distinct(hits) + Math.min(hits.length, 8) / 4;
      return { anchor, title, text, hits, score, found: inTitle + hits.length };
    });
    return places.filter(({ found }) => found).sort((a, b) => b.score - a.score);
  }

  // The stretch of a text with most of the words in it, from the beginning of a sentence if one is near.
  function excerpt(text, hits) {
    let from = 0, best = 0;
    for (const [, start] of hits) {
      const inside = hits.filter(([, a, b]) => a >= start && b <= start + EXCERPT - 40);
      const worth = distinct(inside) + inside.length / 100;
      if (worth > best) { best = worth; from = start; }
    }
    const before = text.slice(Math.max(0, from - 90), from), sentence = before.search(/(?<=[.?!:] )[^.?!:]*$/u);
    from = from <= 90 ? 0 : sentence >= 0 ? from - before.length + sentence : text.lastIndexOf(" ", from - 30) + 1;
    const end = from + EXCERPT >= text.length ? text.length : text.lastIndexOf(" ", from + EXCERPT);
    return make("p", "hit-text", from ? "… " : "", ...marked(text, hits, from, end), end < text.length ? " …" : "");
  }

  // A text with the words in it marked.
  function marked(text, hits, from = 0, to = text.length) {
    const out = [];
    for (const [, a, b] of hits) {
      if (a < from || b > to) continue;
      out.push(text.slice(from, a), make("mark", "", text.slice(a, b)));
      from = b;
    }
    return [...out, text.slice(from, to)];
  }

  function whereIs(page) {
    const chapter = page.match(/^(\d+)_/);
    if (chapter) return `Chapter ${Number(chapter[1])}`;
    const file = page.match(/^reference\/(\w+)\/(\w+)$/);
    if (!file) return "";
    return file[2] === "index" ? "Reference" : `cnnbook.${file.slice(1).join(".").replace(/^cnnbook\./, "")}`;
  }

  function showPage({ page, places }, terms, most) {
    const sections = TEXTS[page], [[top, title, first]] = sections, item = make("li", "hit"), where = whereIs(page);
    const name = title.replace(/^\d+\. /, ""), link = make("a", "hit-page", ...marked(name, hitsIn(name, terms)));
    link.href = `${page}.html`;
    if (where) item.append(make("p", "hit-where", where));
    item.append(make("h2", "", link));
    if (!places.length) item.append(excerpt(first || sections.map(([, , text]) => text).find(Boolean) || "", []));
    const shown = places.slice(0, most).sort((a, b) => (b.anchor === top) - (a.anchor === top)); // the beginning first
    for (const { anchor, title, text, hits } of shown) {
      if (anchor !== top) {
        const to = make("a", "hit-place", ...marked(title, hitsIn(title, terms)));
        to.href = `${page}.html#${anchor}`;
        item.append(make("p", "", to));
      }
      if (text) item.append(excerpt(text, hits));
    }
    return item;
  }

  function showPages(list, found, terms) {
    const items = found.map((each, i) => () => showPage(each, terms, i < DETAILED ? PLACES : 1));
    list.append(...items.slice(0, AT_ONCE).map((build) => build()));
    if (items.length <= AT_ONCE) return;
    const rest = items.slice(AT_ONCE), button = make("button", "", `Show ${rest.length} more`);
    const more = make("li", "hit", button);
    button.type = "button";
    button.onclick = () => {
      const added = rest.map((build) => build());
      more.replaceWith(...added);
      added[0].querySelector("a").focus();
    };
    list.append(more);
  }

  // Sphinx' score says whether a word is in the title or the name of something; how often a page has it says the rest.
  function search(query) {
    const parsed = Search._parseQuery(query), terms = new Set([...parsed[1]].filter(Boolean));
    localStorage.removeItem("sphinx_highlight_terms"); // or the next page would be marked all over
    if (!terms.size) return { terms, found: [] };
    const scores = new Map();
    for (const [page, , , , score] of Search._performSearch(...parsed)) {
      if (page in TEXTS) scores.set(page, Math.max(score, scores.get(page) ?? 0));
    }
    const found = [...scores].map(([page, score]) => {
      const places = placesOf(page, terms), times = places.reduce((sum, { found: n }) => sum + n, 0);
      const title = TEXTS[page][0][1].replace(/^\d+\. /, ""), words = title.split(/\s+/).length;
      const named = (10 * distinct(hitsIn(title, terms))) / Math.max(words, terms.size);
      const explained = places.some(({ title: its }) => its.toLowerCase() === query.toLowerCase()) ? 12 : 0;
      const often = Math.log2(1 + times) + (places[0]?.score ?? 0) / 4, chapter = /^\d/.test(page) ? 2 : 0;
      return { page, places, score: score + named + explained + often + chapter };
    });
    return { terms, found: found.sort((a, b) => b.score - a.score) };
  }

  // How many letters must be changed, added or left out to make one word of another; more than 2 count as 3.
  function distance(a, b) {
    if (Math.abs(a.length - b.length) > 2) return 3;
    let row = Array.from({ length: b.length + 1 }, (_, j) => j);
    for (let i = 1; i <= a.length; i++) {
      const next = [i];
      for (let j = 1; j <= b.length; j++) {
        next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      }
      row = next;
    }
    return Math.min(row[b.length], 3);
  }

  let counts;
  function nearest(word) {
    if (!counts) {
      counts = new Map();
      for (const [, title, text] of Object.values(TEXTS).flat()) {
        for (const [each] of `${title} ${text}`.toLowerCase().matchAll(/[\p{L}_]{4,}/gu)) {
          counts.set(each, (counts.get(each) ?? 0) + 1);
        }
      }
    }
    if (counts.has(word)) return word;
    const near = [...counts].filter(([, n]) => n > 1).map(([each, n]) => [distance(word, each), -n, each])
      .filter(([d]) => d < 3);
    return near.sort((a, b) => a[0] - b[0] || a[1] - b[1])[0]?.[2] ?? null;
  }

  const $ = (id) => document.getElementById(id);

  function advise(query, run) {
    const words = query.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [], near = words.map((word) => nearest(word));
    const better = near.filter(Boolean).join(" ");
    if (better && better !== words.join(" ")) {
      const button = Object.assign(make("button", "", better), { type: "button" });
      button.onclick = () => { $("search-words").value = better; run(); $("search-words").focus(); };
      $("search-advice").append(make("p", "", "Did you mean ", button, "?"));
    }
    const to = (href, text) => Object.assign(make("a", "", text), { href });
    const list = [to("index.html", "contents")];
    if ("glossary" in TEXTS) list.push(to("glossary.html", "glossary"));
    if ("reference/index" in TEXTS) list.push(to("reference/index.html", "reference"));
    const links = list.flatMap((link, i) => [i === 0 ? "" : i === list.length - 1 ? " or the " : ", the ", link]);
    const advice = "Try one word instead of several, or its shortest form; or look through the ";
    $("search-advice").append(make("p", "", advice, ...links, "."));
  }

  function show() {
    const query = $("search-words").value.trim(), list = $("search-found");
    try {
      history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : location.pathname);
    } catch { /* a browser that keeps the address of a file as it is */ }
    document.title = document.title.replace(/^.*?Search/, query ? `${query} – Search` : "Search");
    list.replaceChildren();
    $("search-advice").replaceChildren();
    if (!query) { $("search-status").textContent = ""; return; }
    const { terms, found } = search(query), pages = found.length;
    showPages(list, found, terms);
    $("search-status").textContent = pages ? `${pages} ${pages === 1 ? "page has" : "pages have"} “${query}”.`
      : terms.size ? `Nothing has “${query}”.` : `“${query}” is too common a word to look for.`;
    if (!pages) advise(query, show);
  }

  // Arrows go from one result to the next; Escape leads back to the words.
  function walk(event) {
    const stops = [$("search-words"), ...document.querySelectorAll("#search-found a")];
    const at = stops.indexOf(document.activeElement), step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (at < 0) return;
    if (event.key === "Escape" && at > 0) stops[0].focus();
    else if (step && stops[at + step]) stops[at + step].focus();
    else return;
    event.preventDefault();
  }

  Search.performSearch = () => {}; // what Sphinx would do with the words in the address
  document.addEventListener("DOMContentLoaded", () => {
    const input = $("search-words"), pages = Object.keys(TEXTS).length;
    if (pages) $("search-scope").textContent = `Find a word on the ${pages} pages of this book.`;
    input.value = new URLSearchParams(location.search).get("q") ?? "";
    let waiting;
    input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 150); });
    input.form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); show(); });
    document.querySelector(".bd-search-container").addEventListener("keydown", walk);
    show();
    if (!input.value || matchMedia("(pointer: fine)").matches) input.focus({ preventScroll: true });
  });
})();
