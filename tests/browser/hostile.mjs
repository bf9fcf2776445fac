// Plays web pages that try to read from the servers and to push a button, in every form in which a page can send a request.
//
// First it says where its pages are: `other` is another port of this machine, `rebound` has a name of its own. Then it takes one
// attack after the other:
//   { page, address, path, message, marker, rebind, sandboxed }
// `page` is one of the two. The page sends `message`, the bytes of a request, to `path` of the server at `address`, and looks for
// `marker` in all that it can read. With `rebind` the name of the page leads to the server once the page is there, so that to the
// browser both are one origin. With `sandboxed` the page has no origin of its own.
// The answer has what the page could read, by the form of the request.
import { connect, createServer } from "node:net";
import { hear, say } from "./conversation.mjs";
import { launch } from "./launch.mjs";

const REBOUND = "evil.example";
const PAGE = "<!doctype html><title>A page</title>";
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${PAGE.length}\r\nconnection: close\r\n\r\n${PAGE}`;

/** Serves a page on a free port. Once `leadTo` is set, it passes all bytes to that port instead. */
function serve() {
  const place = { leadTo: undefined };
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    // The browser opens connections before it needs them.
    socket.once("data", (first) => {
      if (!place.leadTo) return void socket.end(ANSWER);
      const server = connect(place.leadTo, "127.0.0.1");
      server.on("error", () => socket.destroy());
      server.write(first);
      socket.pipe(server).pipe(socket);
    });
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(Object.assign(place, { port: server.address().port }))));
}

/** All forms of a request. This runs in the page: it can use nothing from outside. */
async function attack({ base, path, message, marker }) {
  const url = base + path;
  const frame = new Uint8Array([0, 0, 0, message.length >> 8, message.length & 255, ...message]);
  const text = btoa(String.fromCharCode(...frame));
  const deadline = (promise, otherwise) =>
    Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 5_000, otherwise))]);

  /** Text as it is, and as base64 of other text where it is that. */
  function decoded(text) {
    try {
      return `${text} ${atob(text)}`;
    } catch {
      return text;
    }
  }

  async function sent(url, options) {
    try {
      const response = await fetch(url, options);
      const [head, reader] = [`${response.type} ${response.status} `, response.body?.getReader()];
      let body = "";
      // A stream has no end: what is looked for is in its first messages.
      while (reader && !decoded(body).includes(marker)) {
        const { value, done } = await deadline(reader.read(), { done: true });
        if (done) break;
        body += String.fromCharCode(...value);
      }
      await reader?.cancel();
      return head + decoded(body);
    } catch (error) {
      return `refused: ${error.message}`;
    }
  }
  const post = (type, body, mode) => sent(url, { method: "POST", mode, headers: type ? { "content-type": type } : {}, body });

  function form(enctype, body) {
    const [name, target] = [`frame-${Math.random()}`, document.createElement("iframe")];
    target.name = name;
    const form = Object.assign(document.createElement("form"), { method: "post", action: url, enctype, target: name });
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: body, value: "" }));
    document.body.append(target, form);
    return framed(target, () => form.submit());
  }

  function framed(target, begin) {
    const shown = new Promise((resolve) => {
      target.onload = () => {
        try {
          resolve(`loaded ${target.contentDocument.body.innerText}`);
        } catch (error) {
          resolve(`refused: ${error.message}`);
        }
      };
    });
    begin();
    return deadline(shown, "nothing loaded");
  }

  function frameOf(address) {
    const target = document.createElement("iframe");
    return framed(target, () => {
      target.src = address;
      document.body.append(target);
    });
  }

  function events(source, kinds) {
    const said = new Promise((resolve) => {
      for (const kind of kinds) source.addEventListener(kind, (event) => resolve(`${kind} ${event.data ?? ""}`));
    });
    return deadline(said, "nothing came").finally(() => source.close());
  }

  async function beacon(type) {
    const target = `${url}?beacon=${encodeURIComponent(type)}`;
    const isQueued = navigator.sendBeacon(target, new Blob([frame], { type }));
    const isOver = () => performance.getEntriesByName(target).length > 0;
    for (let wait = 0; wait < 200 && !isOver(); wait += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    return `queued: ${isQueued}, over: ${isOver()}`;
  }

  const read = {
    "gRPC-Web": () => post("application/grpc-web+proto", frame, "cors"),
    "gRPC-Web, as text": () => post("application/grpc-web-text", text, "cors"),
    "gRPC-Web, unread": () => post("application/grpc-web+proto", frame, "no-cors"),
    gRPC: () => post("application/grpc", frame, "cors"),
    Connect: () => post("application/proto", new Uint8Array(message), "cors"),
    "plain text": () => post("text/plain", frame, "cors"),
    "plain text, unread": () => post("text/plain", frame, "no-cors"),
    "no content type": () => post("", new Blob([frame]), "no-cors"),
    "fields of a form": () => post("application/x-www-form-urlencoded", frame, "no-cors"),
    "parts of a form": () => post("multipart/form-data; boundary=a", frame, "no-cors"),
    "form of plain text": () => form("text/plain", text),
    "form of fields": () => form("application/x-www-form-urlencoded", text),
    "form of parts": () => form("multipart/form-data", text),
    "beacon of plain text": () => beacon("text/plain"),
    "beacon of gRPC-Web": () => beacon("application/grpc-web+proto"),
    "event source": () => events(new EventSource(url), ["open", "message", "error"]),
    "web socket": () => events(new WebSocket(url.replace("http", "ws")), ["open", "message", "error"]),
    metrics: () => sent(`${base}/metrics`, {}),
    "metrics, unread": () => sent(`${base}/metrics`, { mode: "no-cors" }),
    "metrics in a frame": () => frameOf(`${base}/metrics`),
  };
  const names = Object.keys(read);
  const answers = await Promise.all(names.map((name) => deadline(read[name](), "no answer")));
  return Object.fromEntries(names.map((name, at) => [name, answers[at]]));
}

/** A page of a place; a sandboxed one is a frame of it. */
async function open(browser, origin, sandboxed) {
  const page = await browser.newPage();
  await page.goto(origin);
  if (!sandboxed) return { page, frame: page };
  await page.setContent(`<iframe sandbox="allow-scripts allow-forms" srcdoc="${PAGE.replaceAll('"', "&quot;")}"></iframe>`);
  const frame = await (await page.waitForSelector("iframe")).contentFrame();
  await frame.waitForLoadState();
  return { page, frame };
}

const browser = await launch({ names: [REBOUND] });
const places = { other: await serve(), rebound: await serve() };
const origins = { other: `http://127.0.0.1:${places.other.port}`, rebound: `http://${REBOUND}:${places.rebound.port}` };
say(origins);
for (let asked = await hear(); asked; asked = await hear()) {
  const { page: name, address, rebind, sandboxed, ...sent } = asked;
  const { page, frame } = await open(browser, origins[name], sandboxed);
  const place = places[name];
  place.leadTo = rebind ? Number(address.split(":").at(-1)) : undefined;
  say(await frame.evaluate(attack, { ...sent, base: rebind ? origins[name] : `http://${address}` }));
  place.leadTo = undefined;
  await page.close();
}
await browser.close();
process.exit(0);
