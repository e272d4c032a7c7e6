// The load generator's rate, the TTL, and emptying the cache.

import { ask, Refused } from "./server.js";
import { byId, count, say } from "./words.js";

const RATES = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500];

let wanted = null; // the rate that is still to be sent
let sending = false;
let touched = 0; // when the slider was moved last
let ttlKnown = null;

export function wireLoad(onCleared) {
  const slider = byId("rate");
  slider.max = RATES.length - 1;
  slider.addEventListener("input", () => {
    touched = performance.now();
    wanted = RATES[slider.value];
    showRate(wanted);
    send();
  });
  byId("ttl").addEventListener("submit", (event) => {
    event.preventDefault();
    setTtl(Number(byId("ttl-seconds").value));
  });
  byId("clear").addEventListener("click", () => clear(onCleared));
  showRate(0);
}

/** The state's rate and TTL, unless somebody is at work on them here. */
export function showLoad({ load, ttl }) {
  if (wanted === null && performance.now() - touched > 1500) {
    byId("rate").value = nearest(load.rate);
    showRate(load.rate);
  }
  const field = byId("ttl-seconds");
  if (ttl !== ttlKnown && document.activeElement !== field) field.value = ttl;
  ttlKnown = ttl;
}

function showRate(rate) {
  const words = rate ? `${count(rate)} /s` : "off";
  say(byId("rate-text"), words);
  byId("rate").ariaValueText = rate ? `${count(rate)} requests a second` : "off";
}

function nearest(rate) {
  const distances = RATES.map((one) => Math.abs(one - rate));
  return distances.indexOf(Math.min(...distances));
}

// One request at a time: of all the values that a moved slider passes, the last one counts.
async function send() {
  if (sending) return;
  sending = true;
  try {
    while (wanted !== null) {
      const rate = wanted;
      wanted = null;
      await ask("POST", "/load", { rate });
    }
    tell("");
  } catch (refused) {
    failed(refused);
  } finally {
    sending = false;
  }
}

async function setTtl(seconds) {
  try {
    await ask("POST", "/ttl", { seconds });
    tell(`Items that are read from now on stay ${count(seconds)} s.`, "done");
  } catch (refused) {
    failed(refused);
  }
}

async function clear(onCleared) {
  try {
    await ask("DELETE", "/cache");
    onCleared();
    tell("The cache is empty.", "done");
  } catch (refused) {
    failed(refused);
  }
}

function failed(refused) {
  if (!(refused instanceof Refused)) throw refused;
  tell(refused.told, "bad");
}

function tell(text, mood = "") {
  const line = byId("load-told");
  line.dataset.mood = mood;
  say(line, text);
}
