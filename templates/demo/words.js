// Elements and formatted figures. No code on this page creates HTML from text: names and ids are
// untrusted.

export const byId = (id) => document.getElementById(id);

/** An element with these properties and children; strings become text. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "data") Object.assign(element.dataset, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** One of the page's own icons; it is decorative, the text is beside it. */
export function icon(name) {
  const drawn = document.createElementNS(SVG, "svg");
  drawn.setAttribute("class", "icon");
  drawn.setAttribute("aria-hidden", "true");
  drawn.append(document.createElementNS(SVG, "use"));
  return setIcon(drawn, name);
}

export function setIcon(drawn, name) {
  const wanted = `#i-${name}`;
  const use = drawn.querySelector("use");
  if (use.getAttribute("href") !== wanted) use.setAttribute("href", wanted);
  return drawn;
}

/** Changes the text only if it differs: a screen reader does not read it again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const hundredth = new Intl.NumberFormat("en", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
});

export const count = (number) => whole.format(number);

/** Milliseconds with the significant digits: 0.42, 3.1, 2,004. */
export function milliseconds(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1) return hundredth.format(ms);
  return ms < 10 ? tenth.format(ms) : whole.format(ms);
}

export const seconds = (s) => (s < 10 ? tenth.format(s) : whole.format(s));

export const perSecond = (rate) => (rate % 1 && rate < 10 ? tenth : whole).format(rate);

export const percent = (share) => `${whole.format(100 * share)} %`;

/** The time of day of an ISO date, as this machine's clock shows it. */
export function clock(at) {
  const date = at instanceof Date ? at : new Date(at);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString("en-GB");
}

/** Highlights an element briefly; under load, it stays highlighted. */
export function light(element) {
  clearTimeout(element.lit);
  element.dataset.lit = "";
  element.lit = setTimeout(() => delete element.dataset.lit, 400);
}

/** 0 for a tenth of a millisecond, 1 for ten seconds, each decade the same length. */
export function decades(ms) {
  return Math.min(1, Math.max(0, (Math.log10(Math.max(ms, 1e-6)) + 1) / 5));
}
