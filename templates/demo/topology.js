// The topology: shards, roles, slots, served requests, and the buttons of each node.

import { NodeView } from "./node.js";
import { byId, clock, count, icon, light, make, percent, say, setIcon } from "./words.js";

const SLOTS = 16384;
const FRESH = 60_000; // ms that the newest notice is shown above the nodes
const RECENT = 5000; // ms over which a node's share is counted
const CLOSED = ["good", "cache in use"];
// what a shard's circuits mean: if only writes fail, replicas still serve what they hold
const CIRCUITS = {
  both: { open: ["bad", "cache off: Redis failed"], "half-open": ["loading", "testing Redis"] },
  reads: { open: ["bad", "cache off: reads failed"], "half-open": ["loading", "testing reads"] },
  writes: { open: ["bad", "writes failed: hits only"], "half-open": ["loading", "testing writes"] },
};
const MEANS = {
  open: "Circuit breaker open: commands to Redis failed repeatedly, so none is sent for now.",
  "half-open": "Circuit breaker half-open: one request tests whether Redis replies again.",
  closed: "Circuit breaker closed: Redis replies.",
};

export class Topology {
  #shards = new Map();
  #nodes = new Map();
  #served = [];
  #ribbon = "";
  #state = null;
  #notice = null;
  #marker = make("span", { className: "marker", hidden: true });

  constructor() {
    setInterval(() => this.#share(), 500);
    setInterval(() => this.#headline(), 5000);
  }

  /** Shows the state message; elements are kept, so that keyboard focus is not lost. */
  update(state) {
    const { topology } = state;
    this.#state = state;
    this.#headline();
    const groups = topology.shards.map((shard) => ({
      ...shard,
      circuit: circuit(state, shard, topology),
    }));
    if (topology.sentinels.length) {
      groups.push({ name: "Sentinels", slots: "", nodes: topology.sentinels });
    }
    this.#keep(groups);
    for (const group of groups) this.#group(group, state);
    this.#slots(topology.shards);
    const delay = state.db_delay ? `SQLite, ${count(1000 * state.db_delay)} ms a read` : "SQLite";
    say(byId("database-line"), delay);
  }

  /** Shows the last notice here too, near the buttons. */
  notice(notice) {
    this.#notice = notice;
    this.#headline();
  }

  /** Requests were served: highlights the nodes, and counts their shares. */
  served(list) {
    const at = performance.now();
    for (const { source, node, status } of list) {
      if (status >= 500) continue;
      const where = source === "database" ? "" : node;
      this.#served.push({ at, where });
      if (where) this.#nodes.get(where)?.light();
    }
    if (list.some((one) => one.source === "database")) light(byId("database"));
  }

  /** A reply to this page's own request: marks its slot in the ribbon. */
  answered(reply) {
    this.#marker.hidden = reply.slot === null;
    if (reply.slot !== null) this.#marker.style.left = `${(100 * reply.slot) / SLOTS}%`;
    if (reply.source === "cache") this.#nodes.get(reply.node)?.light();
  }

  #headline() {
    if (!this.#state) return;
    const { trouble } = this.#state.topology;
    const notice = Date.now() - Date.parse(this.#notice?.at) < FRESH ? this.#notice : null;
    const text = notice && `${clock(notice.at)} ${notice.text}`;
    const line = byId("topology-line");
    const mood = trouble ? "bad" : (notice?.level ?? "");
    say(line, trouble || text || this.#line(this.#state));
    line.title = line.textContent;
    line.dataset.mood = mood;
    byId("trouble").toggleAttribute("hidden", mood !== "bad");
  }

  #line({ shape, own, actions, topology }) {
    const nodes = topology.shards.reduce((sum, shard) => sum + shard.nodes.length, 0);
    const size = nodes === 1 ? "One node" : `${nodes} nodes, with their share of the requests`;
    if (!own || !actions.length) return `${size}. Read-only: redistopo did not start them.`;
    return shape === "standalone" ? `${size}, without a replica to take over.` : `${size}. Stop one to see a failover.`;
  }

  #keep(groups) {
    const names = new Set(groups.map((group) => group.name));
    for (const [name, box] of this.#shards) {
      if (!names.has(name)) {
        box.remove();
        this.#shards.delete(name);
      }
    }
    const present = new Set(groups.flatMap((group) => group.nodes.map((node) => node.name)));
    for (const [name, node] of this.#nodes) {
      if (!present.has(name)) {
        node.element.remove();
        this.#nodes.delete(name);
      }
    }
  }

  #group(group, state) {
    let box = this.#shards.get(group.name);
    if (!box) {
      box = shardBox();
      this.#shards.set(group.name, box);
      byId("shards").append(box);
    }
    say(box.querySelector("h3"), group.name);
    const fuse = box.querySelector(".circuit");
    fuse.hidden = !group.circuit;
    if (group.circuit) {
      const [state, [mark, words]] = circuitState(group.circuit);
      fuse.dataset.state = state;
      fuse.title = MEANS[state] ?? "";
      setIcon(fuse.querySelector("svg"), mark);
      say(fuse.querySelector("span"), words);
    }
    // by name, not by role: nodes stay in place when a replica is promoted
    const nodes = [...group.nodes].sort((a, b) =>
      a.name.localeCompare(b.name, "en", { numeric: true }),
    );
    const led = nodes.some((node) => node.role === "primary" && node.state === "up");
    for (const node of nodes) {
      let view = this.#nodes.get(node.name);
      if (!view) this.#nodes.set(node.name, (view = new NodeView(node.name)));
      if (view.element.parentNode !== box) box.append(view.element);
      view.update(node, { actions: state.own ? state.actions : [], led });
    }
  }

  #slots(shards) {
    const parts = shards.flatMap((shard) =>
      ranges(shard.slots).map((range) => ({ name: shard.name, range })),
    );
    const ribbon = byId("slots");
    ribbon.hidden = !parts.length;
    const wanted = JSON.stringify(parts);
    if (wanted === this.#ribbon) return;
    this.#ribbon = wanted;
    ribbon.replaceChildren(...parts.map(segment), this.#marker);
  }

  #share() {
    const since = performance.now() - RECENT;
    const old = this.#served.findIndex((one) => one.at > since);
    this.#served.splice(0, old < 0 ? this.#served.length : old);
    const all = this.#served.length;
    const counted = new Map();
    for (const { where } of this.#served) counted.set(where, (counted.get(where) ?? 0) + 1);
    const words = (where) => (all ? percent((counted.get(where) ?? 0) / all) : "");
    for (const [name, node] of this.#nodes) node.share(words(name));
    say(byId("database-share"), words("") && `serves ${words("")}`);
  }
}

function circuit(state, shard, topology) {
  const own = state.circuits.find((one) => one.shard === shard.name);
  // a single circuit for all keys has no shard name
  return own ?? (topology.shards.length === 1 ? state.circuits[0] : undefined);
}

/** The relevant state, its icon and text: without reads there is no cache at all. */
function circuitState({ reads, writes }) {
  const whose = reads === writes ? "both" : reads === "closed" ? "writes" : "reads";
  const state = whose === "writes" ? writes : reads;
  return [state, CIRCUITS[whose][state] ?? CLOSED];
}

function shardBox() {
  const fuse = make("p", { className: "circuit" }, icon("info"), make("span"));
  const head = make("div", { className: "head" }, make("h3"), fuse);
  return make("div", { className: "shard" }, head);
}

/** "0-5460,9000" as pairs of first and last. */
function ranges(text) {
  return [...text.matchAll(/(\d+)(?:-(\d+))?/g)].map(([, first, last]) => [
    Number(first),
    Number(last ?? first),
  ]);
}

function segment({ name, range: [first, last] }) {
  const slots = make("span", { className: "wide" }, ` · ${first}–${last}`);
  const part = make("span", { className: "part number" }, name, slots);
  part.style.left = `${(100 * first) / SLOTS}%`;
  part.style.width = `${(100 * (last - first + 1)) / SLOTS}%`;
  return part;
}
