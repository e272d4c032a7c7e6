// The stream of server-sent events: receiving, noticing its loss, and reconnecting.

import { ask, renewToken } from "./server.js";

const AGAIN = 2000;
const SILENCE = 10_000;

/**
 * Calls `receive[kind](message)` for each message, and `report(state, since, why)` with
 * "live" or "lost" whenever that changes.
 */
export function follow(receive, report) {
  let source = null;
  let since = new Date();
  let received = performance.now();
  let lost = false;

  function open() {
    source = new EventSource("/events");
    source.onopen = () => back();
    source.onerror = () => {
      gone("The demo does not respond.");
      // after a refusal the browser does not reconnect by itself
      if (source.readyState === EventSource.CLOSED) setTimeout(retry, AGAIN);
    };
    for (const kind of Object.keys(receive)) {
      source.addEventListener(kind, (event) => {
        if (lost) back();
        received = performance.now();
        receive[kind](JSON.parse(event.data));
      });
    }
  }

  function back() {
    received = performance.now();
    if (lost) renewToken().catch(() => {});
    lost = false;
    report("live", since);
  }

  function gone(why, at = new Date()) {
    if (!lost) since = at;
    lost = true;
    report("lost", since, why);
  }

  async function retry() {
    gone(await reason());
    open();
  }

  // A frozen server keeps its connections open: after a silence, send a request.
  async function check() {
    if (performance.now() - received < SILENCE || source.readyState !== EventSource.OPEN) return;
    try {
      await within(3000, ask("GET", "/healthz"));
      received = performance.now();
      if (lost) back();
    } catch (refused) {
      // an error response is a response
      if (refused.status) received = performance.now();
      else gone("The demo does not respond.", new Date(Date.now() - performance.now() + received));
    }
  }

  open();
  setInterval(check, 2000);
}

/** Returns why the server refuses the stream: it may have too many. */
async function reason() {
  const stop = new AbortController();
  try {
    const reply = await fetch("/events", { signal: stop.signal, cache: "no-store" });
    if (reply.ok) return "";
    const json = await reply.json().catch(() => ({}));
    return json.error?.message ?? `The server replied ${reply.status}.`;
  } catch {
    return "The demo does not respond.";
  } finally {
    stop.abort();
  }
}

function within(ms, promise) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error("late")), ms);
  });
  return Promise.race([promise, late]);
}
