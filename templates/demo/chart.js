// Every request of the last minute as a dot, on a logarithmic scale; the hit rate below it.

import { decades } from "./words.js";

const WINDOW = 60_000; // ms
const MOST = 12_000; // dots kept
const DENSE = 24; // of a kind in one message: more would overlap
const BATCH = 250; // ms between two messages: their requests are spread over that time
const LINES = [
  [0.1, "0.1 ms"],
  [1, "1 ms"],
  [10, "10 ms"],
  [100, "100 ms"],
  [1000, "1 s"],
  [10000, "10 s"],
];
const KINDS = ["cache", "database", "bad"];
const STRIP = 30; // px, height of the hit rate
const FONT = 12; // px
const TOP = 10;
const BELOW = 18; // px, the axis of time

export class Chart {
  #canvas;
  #empty;
  #dots = [];
  #rates = [];
  #marks = [];
  #colors = {};
  #font = "sans-serif";
  #left = 46; // px, the widest label of the axis
  #drawn = 0;

  constructor(canvas, empty) {
    this.#canvas = canvas;
    this.#empty = empty;
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#fit());
    this.#fit();
    requestAnimationFrame((now) => this.#tick(now));
  }

  /** Adds served requests: {source, ms, status}. */
  add(served) {
    const now = performance.now();
    const dots = served.map((one, at) => ({
      at: now - (BATCH * (served.length - at - 1)) / served.length,
      kind: one.status >= 500 ? "bad" : one.source,
      y: decades(one.ms),
    }));
    for (const kind of KINDS) {
      const same = dots.filter((dot) => dot.kind === kind);
      const step = Math.max(1, same.length / DENSE);
      for (let n = 0; n < same.length; n += step) this.#dots.push(same[Math.floor(n)]);
    }
    if (this.#dots.length > MOST) this.#dots.splice(0, this.#dots.length - MOST);
    if (served.length) this.#empty.hidden = true;
  }

  /** Adds the current hit rate; null: no requests. */
  rate(share) {
    const at = performance.now();
    forgetOld(this.#rates, at - WINDOW); // a hidden page is not drawn
    this.#rates.push({ at, share });
  }

  /** Marks a notice of that ISO date by a line across the chart. */
  mark(level, date) {
    const ago = Math.max(0, Date.now() - Date.parse(date)) || 0;
    if (level !== "info" && ago < WINDOW) this.#marks.push({ at: performance.now() - ago, level });
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const scale = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    this.#canvas.getContext("2d").setTransform(scale, 0, 0, scale, 0, 0);
    const style = getComputedStyle(document.body);
    this.#font = `${FONT}px ${style.fontFamily}`;
    const pen = this.#canvas.getContext("2d");
    pen.font = this.#font;
    const labels = ["hits", ...LINES.map(([, text]) => text)];
    this.#left = Math.ceil(Math.max(...labels.map((text) => pen.measureText(text).width))) + 8;
    for (const name of ["ink", "faint", "line", "cache", "database", "bad", "good", "changed"]) {
      this.#colors[name] = style.getPropertyValue(`--${name}`).trim();
    }
    this.#draw();
  }

  // Ten frames per second; one, if the user prefers reduced motion.
  #tick(now) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (now - this.#drawn > (still ? 1000 : 100)) {
      this.#drawn = now;
      this.#draw();
    }
    requestAnimationFrame((next) => this.#tick(next));
  }

  #draw() {
    const pen = this.#canvas.getContext("2d");
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const now = performance.now();
    for (const list of [this.#dots, this.#rates, this.#marks]) forgetOld(list, now - WINDOW);
    const bottom = height - BELOW - STRIP - 12;
    const frame = {
      pen,
      width,
      left: this.#left,
      bottom,
      foot: height - BELOW,
      x: (at) => this.#left + ((at - now + WINDOW) / WINDOW) * (width - this.#left - 6),
      y: (share) => bottom - share * (bottom - TOP),
    };
    pen.clearRect(0, 0, width, height);
    this.#grid(frame);
    this.#cross(frame);
    this.#scatter(frame);
    this.#share(frame);
  }

  #grid({ pen, width, left, bottom, foot, x, y }) {
    pen.font = this.#font;
    pen.lineWidth = 1;
    pen.strokeStyle = this.#colors.line;
    pen.fillStyle = this.#colors.faint;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const [ms, text] of LINES) {
      line(pen, left, width, y(decades(ms)));
      pen.fillText(text, left - 6, y(decades(ms)));
    }
    line(pen, left, width, foot);
    line(pen, left, width, foot - STRIP);
    pen.fillText("hits", left - 6, foot - STRIP / 2);
    pen.textBaseline = "alphabetic";
    const now = performance.now();
    for (const s of width < 480 ? [60, 30, 0] : [60, 45, 30, 15, 0]) {
      pen.textAlign = s === 60 ? "left" : s === 0 ? "right" : "center";
      pen.fillText(s ? `${s} s ago` : "now", x(now - 1000 * s), foot + 14);
    }
    pen.clearRect(left, bottom + 1, width, foot - STRIP - bottom - 2);
  }

  #cross({ pen, bottom, x }) {
    for (const { at, level } of this.#marks) {
      pen.strokeStyle = pen.fillStyle = this.#colors[level] ?? this.#colors.faint;
      pen.setLineDash(level === "good" ? [] : [4, 3]);
      pen.beginPath();
      pen.moveTo(x(at), TOP);
      pen.lineTo(x(at), bottom);
      pen.stroke();
      pen.beginPath();
      pen.moveTo(x(at) - 4, 2);
      pen.lineTo(x(at) + 4, 2);
      pen.lineTo(x(at), 9);
      pen.fill();
    }
    pen.setLineDash([]);
  }

  // Hits are small squares, database reads are diamonds, failures are crosses. Each is filled by
  // itself: one path with thousands takes a browser a tenth of a second.
  #scatter({ pen, x, y }) {
    for (const kind of KINDS) {
      pen.fillStyle = pen.strokeStyle = this.#colors[kind];
      for (const dot of this.#dots) {
        if (dot.kind === kind) SHAPES[kind](pen, x(dot.at), y(dot.y));
      }
    }
  }

  #share({ pen, foot, x }) {
    pen.fillStyle = this.#colors.cache;
    pen.globalAlpha = 0.75;
    pen.beginPath();
    this.#rates.forEach(({ at, share }, index) => {
      if (share === null) return;
      // on whole pixels: no seams
      const from = Math.round(x(at));
      const to = Math.round(x(this.#rates[index + 1]?.at ?? performance.now()));
      const tall = share * (STRIP - 2);
      pen.rect(from, foot - tall, to - from, tall);
    });
    pen.fill();
    pen.globalAlpha = 1;
  }
}

const SHAPES = {
  cache(pen, x, y) {
    pen.fillRect(x - 2, y - 2, 4, 4);
  },
  database(pen, x, y) {
    pen.beginPath();
    pen.moveTo(x, y - 4);
    pen.lineTo(x + 4, y);
    pen.lineTo(x, y + 4);
    pen.lineTo(x - 4, y);
    pen.fill();
  },
  bad(pen, x, y) {
    pen.beginPath();
    pen.moveTo(x - 3, y - 3);
    pen.lineTo(x + 3, y + 3);
    pen.moveTo(x - 3, y + 3);
    pen.lineTo(x + 3, y - 3);
    pen.stroke();
  },
};

function forgetOld(list, since) {
  const first = list.findIndex((one) => one.at > since);
  list.splice(0, first < 0 ? list.length : first);
}

function line(pen, from, to, y) {
  pen.beginPath();
  pen.moveTo(from, Math.round(y) + 0.5);
  pen.lineTo(to, Math.round(y) + 0.5);
  pen.stroke();
}
