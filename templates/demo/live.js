// The stream of server-sent events: what comes, when it is lost, and getting it back.

import { ask, renewToken } from "./server.js";

const AGAIN = 2000;
const SILENCE = 10_000;

/**
 * Calls `hear[kind](message)` for each message, and `tell(state, words)` with
 * "live" or "lost" whenever that changes.
 */
export function follow(hear, tell) {
  let source = null;
  let since = new Date();
  let heard = performance.now();
  let lost = false;

  function open() {
    source = new EventSource("/events");
    source.onopen = () => back();
    source.onerror = () => {
      gone("The demo doesn't answer.");
      // after a refusal the browser doesn't try again by itself
      if (source.readyState === EventSource.CLOSED) setTimeout(retry, AGAIN);
    };
    for (const kind of Object.keys(hear)) {
      source.addEventListener(kind, (event) => {
        if (lost) back();
        heard = performance.now();
        hear[kind](JSON.parse(event.data));
      });
    }
  }

  function back() {
    heard = performance.now();
    if (lost) renewToken().catch(() => {});
    lost = false;
    tell("live", since);
  }

  function gone(why, at = new Date()) {
    if (!lost) since = at;
    lost = true;
    tell("lost", since, why);
  }

  async function retry() {
    gone(await reason());
    open();
  }

  // A server that stands still keeps its connections open: when nothing was heard, ask.
  async function check() {
    if (performance.now() - heard < SILENCE || source.readyState !== EventSource.OPEN) return;
    try {
      await within(3000, ask("GET", "/healthz"));
      heard = performance.now();
      if (lost) back();
    } catch (refused) {
      // an answer, though a bad one, is one
      if (refused.status) heard = performance.now();
      else gone("The demo doesn't answer.", new Date(Date.now() - performance.now() + heard));
    }
  }

  open();
  setInterval(check, 2000);
}

/** Why there is no stream, by the server's own word: it may have no place left. */
async function reason() {
  const stop = new AbortController();
  try {
    const reply = await fetch("/events", { signal: stop.signal, cache: "no-store" });
    if (reply.ok) return "";
    const said = await reply.json().catch(() => ({}));
    return said.error?.message ?? `The server answered ${reply.status}.`;
  } catch {
    return "The demo doesn't answer.";
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
