// The list of notices, the newest first.

import { byId, clock, icon, make } from "./words.js";

const MOST = 100;
const shown = new Set();

/** Adds a line; returns false if it is there already, as after a lost stream. */
export function addNotice({ at, level, text }) {
  const key = `${at} ${text}`;
  if (shown.has(key)) return false;
  shown.add(key);
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
    shown.delete(lines.lastChild.dataset.key);
    lines.lastChild.remove();
  }
  return true;
}

/** Lets a screen reader read further lines; earlier ones are there to be read. */
export function readAloud() {
  byId("log").ariaLive = "polite";
}

const ICONS = new Set(["asked", "bad", "good", "changed", "info"]);
