// Asking the demo's server: every refusal becomes a message and a hint.

const meta = document.querySelector("meta[name=redistopo-token]");

export class Refused extends Error {
  constructor(message, hint = "", status = 0) {
    super(message);
    this.hint = hint;
    this.status = status;
  }

  get told() {
    return this.hint ? `${this.message}\nHint: ${this.hint}` : this.message;
  }
}

/** The reply's JSON. Raises Refused where the server says no, or isn't there. */
export async function ask(method, path, body) {
  const reply = await reach(method, path, body);
  const said = await reply.json().catch(() => ({}));
  // a row that doesn't exist is an answer too: data is null
  if (reply.ok || (reply.status === 404 && "data" in said)) return said;
  const error = said.error ?? {};
  throw new Refused(
    error.message ?? `the server answered ${reply.status}`,
    error.hint ?? "",
    reply.status,
  );
}

async function reach(method, path, body) {
  const headers = {};
  if (method !== "GET") headers["X-Redistopo-Token"] = meta.content;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw new Refused("the demo doesn't answer", "Is redistopo demo still running?");
  }
}

/** A demo that was started again has another token: take it over. */
export async function renewToken() {
  const reply = await fetch("/", { cache: "no-store" });
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const fresh = page.querySelector("meta[name=redistopo-token]");
  if (fresh) meta.content = fresh.content;
}
