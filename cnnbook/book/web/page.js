// What the first page and the chapters share: what the browser keeps for its reader, and how a text is copied.
"use strict";
window.cnnbookPage = {
  KEPT: "cnnbook", // {read: {page: true}, quiz: {"page/0": true}}

  kept() {
    try { return JSON.parse(localStorage.getItem(this.KEPT)) ?? {}; } catch { return {}; }
  },

  keep(all) {
    try { localStorage.setItem(this.KEPT, JSON.stringify(all)); } catch { /* a browser that keeps nothing */ }
  },

  async copy(text) { // true where that was allowed
    try { await navigator.clipboard.writeText(text); return true; } catch { /* perhaps from a disk */ }
    const field = Object.assign(document.createElement("textarea"), { value: text });
    field.style.cssText = "position: fixed; opacity: 0";
    document.body.append(field);
    field.select();
    try { return document.execCommand("copy"); } catch { return false; } finally { field.remove(); }
  },
};
