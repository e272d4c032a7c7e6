// Requests to the demo's server: every error becomes a message and a hint.

const meta = document.querySelector("meta[name=redistopo-token]");

export class Refused extends Error {
  constructor(message, hint = "", status = 0) {
    super(message);
    this.hint = hint;
    this.status = status;
  }

  get text() {
    return this.hint ? `${this.message}\nHint: ${this.hint}` : this.message;
  }
}

/** Returns the reply's JSON. Throws Refused if the server refuses or does not respond. */
export async function ask(method, path, body) {
  const reply = await reach(method, path, body);
  const json = await reply.json().catch(() => ({}));
  // a row that does not exist is a valid reply, with data null
  if (reply.ok || (reply.status === 404 && "data" in json)) return json;
  const error = json.error ?? {};
  throw new Refused(
    error.message ?? `the server replied ${reply.status}`,
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
    throw new Refused("the demo does not respond", "Is redistopo demo still running?");
  }
}

/** Fetches the new token after a restart of the demo. */
export async function renewToken() {
  const reply = await fetch("/", { cache: "no-store" });
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const fresh = page.querySelector("meta[name=redistopo-token]");
  if (fresh) meta.content = fresh.content;
}
