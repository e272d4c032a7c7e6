// One node: its role, its state, its share of the requests, and its buttons.

import { ask, Refused } from "./server.js";
import { byId, icon, light, make, say, setIcon } from "./words.js";

const STATES = {
  up: ["up", "up"],
  gone: ["gone", "stopped"],
  paused: ["paused", "frozen"],
  silent: ["silent", "silent"],
  loading: ["loading", "loading"],
  denied: ["denied", "refuses the password"],
};
// the label of the button, and the verb on the command line
const VERBS = {
  stop: ["Stop", "stop"],
  start: ["Start", "start"],
  freeze: ["Freeze", "pause"],
  resume: ["Resume", "resume"],
  failover: ["Promote", "failover"],
};
const NO_PRIMARY = "there is no primary to fail over from: redistopo up repairs it";
const SETTLE = 2000; // ms until the next poll has certainly seen the change
const READ = 12_000; // ms that the result of an action stays

/** Returns which actions make sense in that state. */
function possible(node, led) {
  const runs = node.state !== "gone" && node.state !== "paused";
  return {
    stop: runs,
    start: node.state === "gone",
    freeze: runs,
    resume: node.state === "paused",
    failover: node.state === "up" && node.role === "replica" && led,
  };
}

export class NodeView {
  #name;
  #seen = { state: "", role: "" };
  #words = "";
  #busy = ""; // "doing", then "seen" until a poll has seen it
  #until = 0;
  #news = 0;
  #last = null;

  constructor(name) {
    this.#name = name;
    this.mark = icon("up");
    this.title = make("strong", {}, name);
    this.port = make("span", { className: "faint number" });
    this.role = make("span", { className: "role" });
    this.state = make("span", { className: "state" });
    this.line = make("p", { className: "line" });
    this.buttons = ["stop", "freeze", "failover"].map((verb) => {
      const button = make("button", { className: "button small", type: "button", data: { verb } });
      button.addEventListener("click", () => this.#act(button));
      return button;
    });
    this.acts = make("div", { className: "acts" }, ...this.buttons);
    const head = make(
      "p",
      { className: "who" },
      this.mark,
      this.title,
      this.port,
      this.role,
      this.state,
    );
    this.element = make(
      "div",
      { className: "node", role: "group", tabIndex: -1, ariaLabel: name },
      head,
      this.line,
      this.acts,
    );
  }

  light() {
    light(this.element);
  }

  share(words) {
    const { state, role } = this.#seen;
    if (state === "up") say(this.state, role === "primary" || role === "replica" ? words : "");
  }

  update(node, { actions, led }) {
    const [mark, word] = STATES[node.state] ?? ["unknown", node.state];
    const changed = node.state !== this.#seen.state || node.role !== this.#seen.role;
    this.#seen = { state: node.state, role: node.role };
    this.element.dataset.state = node.state;
    this.element.dataset.role = node.role;
    setIcon(this.mark, mark);
    this.element.title = node.address;
    say(this.port, node.address.replace(/^(127\.0\.0\.1|localhost):/, ":"));
    say(this.role, node.role === "unknown" ? "" : node.role);
    if (node.state !== "up") say(this.state, word);
    else if (changed) say(this.state, "");
    this.#words = node.words;
    this.#last = { node, actions, led };
    this.#settle(changed);
  }

  // Buttons are enabled again once a poll has seen the result, or is overdue; the node's state
  // text is back once the result was shown long enough to be read.
  #settle(changed) {
    if (this.#busy === "seen" && (changed || performance.now() > this.#until)) this.#busy = "";
    if (performance.now() > this.#news) this.#tell(this.#words, "");
    this.#offer();
  }

  #offer() {
    const { node, actions, led } = this.#last;
    const may = possible(node, led);
    const [first, second, third] = this.buttons;
    first.dataset.verb = node.state === "gone" ? "start" : "stop";
    second.dataset.verb = node.state === "paused" ? "resume" : "freeze";
    const promotes = node.role === "replica";
    if (third === document.activeElement && !promotes) this.element.focus();
    third.hidden = !promotes;
    this.acts.hidden = !this.buttons.some((button) => actions.includes(button.dataset.verb));
    for (const button of this.buttons) {
      const { verb } = button.dataset;
      if (!actions.includes(verb)) button.hidden = true;
      else if (button !== third) button.hidden = false;
      say(button, VERBS[verb][0]);
      button.ariaLabel = `${VERBS[verb][0]} ${this.#name}`;
      button.title = verb === "failover" && !led ? NO_PRIMARY : this.#command(verb);
      enable(button, may[verb] && !this.#busy);
    }
  }

  async #act(button) {
    if (button.ariaDisabled === "true") return;
    const { verb } = button.dataset;
    const before = this.#seen;
    this.#busy = "doing";
    this.#news = Infinity;
    this.#tell(`${this.#command(verb)} …`, "busy");
    this.#offer();
    try {
      const { done } = await ask("POST", `/actions/${verb}`, { node: this.#name });
      this.#tell(`${this.#command(verb)}: ${result(done, this.#name)}`, "done");
      this.#busy = "seen";
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.#tell(refused.text, "bad");
      this.#busy = "";
    }
    const now = performance.now();
    this.#until = now + SETTLE;
    this.#news = now + READ;
    this.#settle(before.state !== this.#seen.state || before.role !== this.#seen.role);
    // the server is silent while nothing changes
    setTimeout(() => this.#settle(false), SETTLE + 50);
    setTimeout(() => this.#settle(false), READ + 50);
  }

  #command(verb) {
    return `redistopo ${VERBS[verb][1]} ${this.#name}`;
  }

  #tell(text, mood) {
    this.line.dataset.mood = mood;
    say(this.line, text);
    this.line.title = text;
    if (mood && mood !== "busy") say(byId("said"), text);
  }
}

/** What was done, without the node's name; consequences become notices. */
function result(text, name) {
  return text.replace(`${name}: `, "").split("; ")[0];
}

// A focused button stays reachable: keyboard focus is not lost.
function enable(button, on) {
  const wanted = String(!on);
  if (button.ariaDisabled !== wanted) button.ariaDisabled = wanted;
  button.tabIndex = on || button === document.activeElement ? 0 : -1;
}
