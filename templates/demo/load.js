// The rate of the request generator, the TTL, and clearing the cache.

import { ask, Refused } from "./server.js";
import { byId, count, say } from "./words.js";

const RATES = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500];

let wanted = null; // the rate not sent yet
let sending = false;
let touched = 0; // when the slider was last moved
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

/** Shows the state's rate and TTL, unless the user is changing them. */
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
  byId("rate").ariaValueText = rate ? `${count(rate)} requests per second` : "off";
}

function nearest(rate) {
  const distances = RATES.map((one) => Math.abs(one - rate));
  return distances.indexOf(Math.min(...distances));
}

// One request at a time: of all values that the slider passes, the last one counts.
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
    tell(`Items cached from now on stay ${count(seconds)} s.`, "done");
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
  tell(refused.text, "bad");
}

function tell(text, mood = "") {
  const line = byId("load-told");
  line.dataset.mood = mood;
  say(line, text);
}
