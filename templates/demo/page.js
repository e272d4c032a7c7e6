// The page of `redistopo demo`: shows the events of the stream, and sends the user's requests.

import { forget, observe, setTtl, wire } from "./ask.js";
import { Chart } from "./chart.js";
import { follow } from "./live.js";
import { showLoad, wireLoad } from "./load.js";
import { addNotice, readAloud } from "./story.js";
import { Topology } from "./topology.js";
import { byId, clock, count, milliseconds, percent, perSecond, say } from "./words.js";

const chart = new Chart(byId("chart"), byId("chart-empty"));
const topology = new Topology();

function showState(state) {
  document.title = `${state.name} · redistopo demo`;
  say(byId("name"), state.name);
  say(byId("shape"), state.shape);
  setTtl(state.ttl);
  showFigures(state);
  showLatency(state.latency);
  showLoad(state);
  topology.update(state);
  chart.rate(state.stats.hit_rate);
}

function showFigures({ stats, load }) {
  say(byId("hit-rate"), stats.hit_rate === null ? "–" : percent(stats.hit_rate));
  for (const name of ["requests", "loads", "degraded", "errors"])
    say(byId(name), count(stats[name]));
  say(byId("waited"), `${count(stats.waited)} shared a read`);
  const done = perSecond(load.done);
  // responses are too slow for that rate; skipped requests are not made up for
  const behind = load.behind ? `${done} of ${count(load.rate)} /s` : "";
  say(byId("rate-done"), behind || `${done} /s generated`);
  for (const name of ["degraded", "errors"])
    byId(`figure-${name}`).dataset.some = String(stats[name] > 0);
}

function showLatency({ hit, miss }) {
  for (const [name, { p50, p95 }] of Object.entries({ hit, miss })) {
    say(byId(`${name}-p50`), p50 === null ? "–" : `${milliseconds(p50)} ms`);
    say(byId(`${name}-p95`), p95 === null ? "–" : `${milliseconds(p95)} ms`);
  }
  const times = hit.p50 && miss.p50 ? miss.p50 / hit.p50 : 0;
  const words = times < 10 ? times.toFixed(1) : count(times);
  byId("ratio").hidden = times <= 1;
  say(byId("ratio").firstElementChild, `${words}×`);
}

function showServed(served) {
  chart.add(served);
  topology.served(served);
  served.forEach(observe);
}

function showNotice(notice) {
  if (!addNotice(notice)) return;
  chart.mark(notice.level, notice.at);
  topology.notice(notice);
}

function showStream(state, since, why = "") {
  document.body.dataset.stream = state;
  byId("stream").dataset.state = state;
  say(byId("stream"), state === "live" ? "live" : "stream lost");
  const lost = byId("lost");
  lost.hidden = state === "live";
  const stale = `The page shows the state of ${clock(since)}. Reconnecting …`;
  say(lost, state === "live" ? "" : `The event stream is lost. ${why} ${stale}`);
}

wire((reply) => topology.answered(reply));
wireLoad(forget);
say(byId("stream"), "connecting …");
setTimeout(readAloud, 2000);
follow({ state: showState, served: showServed, story: showNotice }, showStream);
