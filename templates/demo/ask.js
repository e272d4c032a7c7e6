// One item: get it, see where it came from, change it, delete its cached copy.

import { ask, Refused } from "./server.js";
import {
  byId,
  clock,
  count,
  decades,
  icon,
  make,
  milliseconds,
  percent,
  say,
  seconds,
  setIcon,
} from "./words.js";

const PAST = 3; // requests shown
const LATE = 1000; // ms that events may lag
const AWAY = "Redis is unavailable: the cached copy is deleted as soon as it is back.";

let whole = 60; // the TTL in seconds: the full length of the bar
let ends = null; // when the item expires, by performance.now(); null: it is not cached
let recached = false; // another request cached it again, with an unknown expiry
let ignoreUntil = 0; // until then, events may be older than the user's own request
let shown = null; // the id of the item shown
let asking = 0;

export function wire(onAnswer) {
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    get(byId("id").value, onAnswer);
  });
  byId("drop").addEventListener("click", () => drop(byId("id").value));
  byId("row").addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  byId("row-name").disabled = byId("row-description").disabled = true;
  setInterval(showTtl, 250);
}

export function setTtl(ttl) {
  whole = ttl;
}

/** Another request was served: it may have cached the item shown. */
export function observe({ id, ttl, degraded, status }) {
  const now = performance.now();
  if (id !== shown || degraded || status >= 500 || now < ignoreUntil) return;
  if (ttl !== null) keep(ttl);
  else if (ends === null || ends < now) recached = true;
}

/** The item was dropped, perhaps with all others; events of earlier requests still arrive. */
export function forget() {
  ignoreUntil = performance.now() + LATE;
  keep(null);
}

async function get(id, onAnswer) {
  const stop = count_up();
  tell("");
  try {
    const reply = await ask("GET", path("/data/", id));
    show(id, reply);
    onAnswer(reply);
  } catch (refused) {
    failed(refused);
  } finally {
    stop();
  }
}

async function drop(id) {
  try {
    const { invalidated } = await ask("DELETE", path("/cache/", id));
    if (invalidated && id === shown) forget();
    tell(invalidated ? "Copy deleted: the next request reads the database." : `Noted. ${AWAY}`, "done");
  } catch (refused) {
    failed(refused);
  }
}

async function save() {
  if (shown === null) return;
  try {
    const row = { name: byId("row-name").value, description: byId("row-description").value };
    const reply = await ask("PUT", path("/data/", shown), row);
    if (reply.invalidated) forget();
    fill(reply.data);
    tell(reply.invalidated ? "Saved, and the cached copy is deleted." : `Saved. ${AWAY}`, "done");
  } catch (refused) {
    failed(refused);
  }
}

function path(start, id) {
  // browsers resolve these two before they send a request, however they are written
  if (id === "." || id === "..")
    throw new Refused(`a browser can't request "${id}"`, "Use curl --path-as-is.");
  return start + encodeURIComponent(id);
}

/** Shows the elapsed time while a request runs; returns a function that ends it. */
function count_up() {
  const mine = ++asking;
  const start = performance.now();
  const answer = byId("answer");
  answer.dataset.source = "";
  answer.ariaBusy = "true";
  const tick = () => {
    if (mine !== asking || answer.ariaBusy !== "true") return;
    const ms = performance.now() - start;
    // a hit returns before anyone could read "requesting"
    if (ms > 60) {
      took(ms);
      say(byId("source"), "requesting …");
      setIcon(byId("source-icon").parentNode, "loading");
    }
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  return () => {
    if (mine === asking) answer.ariaBusy = "false";
  };
}

function show(id, reply) {
  shown = id;
  byId("answer").dataset.source = reply.source;
  setIcon(byId("source-icon").parentNode, reply.source);
  took(reply.milliseconds);
  say(byId("source"), `from the ${reply.source}`);
  say(byId("place"), place(reply));
  byId("place").title = reply.degraded;
  keep(reply.ttl);
  remember(id, reply);
  fill(reply.data);
}

function place(reply) {
  if (reply.degraded) return `Redis is unavailable: ${reply.degraded}`;
  const slot = reply.slot === null ? "" : `, slot ${count(reply.slot)}`;
  const where = `${reply.node || "unknown node"}${slot}`;
  return reply.source === "cache" ? `A hit: ${where}` : `A miss: cached on ${where}`;
}

function took(ms) {
  say(byId("took"), milliseconds(ms));
  say(byId("unit"), "ms");
}

function failed(refused) {
  if (!(refused instanceof Refused)) throw refused;
  const answer = byId("answer");
  if (answer.ariaBusy === "true") {
    answer.dataset.source = "error";
    say(byId("took"), "–");
    say(byId("unit"), "");
    say(byId("source"), "no response");
    setIcon(byId("source-icon").parentNode, "bad");
    say(byId("place"), "");
  }
  tell(refused.text, "bad");
}

function tell(text, mood = "") {
  const line = byId("ask-told");
  line.dataset.mood = mood;
  say(line, text);
}

function keep(ttl) {
  ends = ttl === null ? null : performance.now() + 1000 * ttl;
  recached = false;
  showTtl();
}

function showTtl() {
  const left = ends === null ? 0 : Math.max(0, (ends - performance.now()) / 1000);
  byId("ttl-left").style.width = percent(Math.min(1, left / whole)).replace(" ", "");
  const text = byId("ttl-text");
  if (left > 0) say(text, `${seconds(Math.max(left, 0.1))} s left in the cache`);
  else if (recached) say(text, "in the cache again, by another request");
  else if (ends === null) say(text, "not in the cache");
  else say(text, "expired: the next request reads the database");
}

/** The last responses, the newest first, each with a bar on a logarithmic scale. */
function remember(id, reply) {
  const bar = make("span", { className: "length" });
  bar.style.width = `${Math.max(2, 100 * decades(reply.milliseconds))}%`;
  const line = make(
    "li",
    { data: { source: reply.source } },
    icon(reply.source),
    make("span", { className: "of" }, id),
    make("span", { className: "track", ariaHidden: "true" }, bar),
    make("span", { className: "number" }, `${milliseconds(reply.milliseconds)} ms`),
    make("span", { className: "unseen" }, ` from the ${reply.source}`),
  );
  byId("past").prepend(line);
  while (byId("past").children.length > PAST) byId("past").lastChild.remove();
}

function fill(row) {
  for (const name of ["name", "description"]) {
    const field = byId(`row-${name}`);
    field.disabled = row === null;
    // not while the user is typing
    if (document.activeElement !== field) field.value = row?.[name] ?? "";
  }
  say(byId("what-name"), row?.name ?? "");
  say(byId("what-is"), row?.description ?? "The database has no such row.");
  say(byId("row-time"), row?.timestamp ? `as of ${clock(row.timestamp)}` : "");
}
