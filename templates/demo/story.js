// What happened, in plain words: the newest line first.

import { byId, clock, icon, make } from "./words.js";

const MOST = 100;
const told = new Set();

/** A line more; false where it was told before, as after a lost stream. */
export function tellStory({ at, level, text }) {
  const key = `${at} ${text}`;
  if (told.has(key)) return false;
  told.add(key);
  byId("quiet").hidden = true;
  const time = make("time", { className: "number", dateTime: at }, clock(at));
  const lines = byId("lines");
  lines.prepend(
    make(
      "li",
      { data: { level, key } },
      time,
      icon(ICONS.has(level) ? level : "info"),
      make("span", {}, text),
    ),
  );
  while (lines.children.length > MOST) {
    told.delete(lines.lastChild.dataset.key);
    lines.lastChild.remove();
  }
  return true;
}

/** From now on lines are read aloud: those of before the page came are there for the eye. */
export function readAloud() {
  byId("log").ariaLive = "polite";
}

const ICONS = new Set(["asked", "bad", "good", "changed", "info"]);
