// The network computes here, beside the page, so that the page never stands still. The builder puts
// engine.js and fast.js before these lines. A message is { id, task, ... }; the answer has the same id.
"use strict";
(() => {
const networks = {};

const TASKS = {
  hello: () => "ready",
  make({ name, model }) { networks[name] = new Network(model); },
  run({ name, pixels, wanted }) {
    const start = performance.now(), outputs = networks[name].run(pixels, wanted);
    return { ...outputs, ms: performance.now() - start };
  },
  weights({ name, layer }) { return networks[name].layer[layer]; },
  compare({ name, checks }) { return selfCheck(checks, networks[name]); },
};

// In a worker, where only it hears messages; a page that can have no worker calls cnnTask itself.
const cnnTask = (message) => TASKS[message.task](message);
globalThis.cnnTask = cnnTask;
if (typeof document === "undefined" && typeof onmessage !== "undefined") {
  globalThis.onmessage = ({ data }) => {
    try { postMessage({ id: data.id, answer: cnnTask(data) }); }
    catch (error) { postMessage({ id: data.id, error: String(error?.message ?? error) }); }
  };
}
})();
