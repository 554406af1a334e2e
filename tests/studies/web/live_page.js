// Runs live.js in a page that is made of plain objects. Reads a JSON list of answers of the server
// from its first argument, polls once for each, and prints what the page showed after each.
"use strict";
const fs = require("fs");
const vm = require("vm");

const [script, plan] = [fs.readFileSync(process.argv[2], "utf8"), JSON.parse(process.argv[3])];
const note = { textContent: "" };
const requests = [];
let poll = null;
let answers = [];

class Part {
  constructor(name, text) {
    this.dataset = { part: name };
    this.text = text;
  }
  isEqualNode(other) {
    return this.text === other.text;
  }
  contains(node) {
    return node === this.text;
  }
  replaceWith(fresh) {
    this.text = fresh.text;
  }
}

const parts = [new Part("a", "a0"), new Part("b", "b0")];
const main = {
  dataset: { api: "/api", etag: '"0"' },
  querySelectorAll: () => parts,
};
const page = (shown) => ({
  title: shown.title,
  querySelector: (selector) => {
    const name = selector.match(/"(.*)"/)[1];
    return name in shown.parts ? new Part(name, shown.parts[name]) : null;
  },
});
const document = {
  hidden: false,
  title: "",
  activeElement: null,
  querySelector: () => main,
  getElementById: () => note,
  adoptNode: (node) => node,
  addEventListener: () => {},
};
const context = {
  document,
  window: {
    location: { href: "/page" },
    setInterval: (action, milliseconds) => {
      poll = action;
      requests.push(milliseconds);
    },
  },
  DOMParser: class {
    parseFromString(text) {
      return page(JSON.parse(text));
    }
  },
  fetch: async (address, options) => {
    requests.push([address, (options.headers || {})["If-None-Match"] || null]);
    const answer = answers.shift();
    if (answer === null) throw new Error("refused");
    return {
      status: answer.status,
      ok: answer.status < 400,
      headers: { get: () => answer.etag },
      text: async () => answer.text || "",
    };
  },
};
vm.runInNewContext(script, context);

(async () => {
  const shown = [];
  for (const step of plan) {
    answers = step.answers;
    document.hidden = Boolean(step.hidden);
    document.activeElement = step.focus || null;
    const before = requests.length;
    await poll();
    shown.push({
      note: note.textContent,
      title: document.title,
      parts: parts.map((part) => part.text),
      requests: requests.slice(before),
    });
  }
  console.log(JSON.stringify({ interval: requests[0], shown }));
})();
