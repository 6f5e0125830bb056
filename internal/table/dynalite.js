// Runs dynalite for Doorwright: on a free port of the loopback interface, for who
// knows the secret, until standard input ends.
const { createRequire } = require("node:module");
const { timingSafeEqual, createHash } = require("node:crypto");
const path = require("node:path");

const [project, data] = process.argv.slice(1);
const hash = (text) => createHash("sha256").update(text).digest();

function load() {
  const places = [path.join(project, "doorwright.js")];
  for (const dir of [path.join(path.dirname(process.execPath), "..", "lib", "node_modules"), path.join(path.dirname(process.execPath), "node_modules")]) {
    places.push(path.join(dir, "doorwright.js")); // npm install --global
  }
  for (const place of places) {
    let file;
    try {
      file = createRequire(place).resolve("dynalite");
    } catch {
      continue;
    }
    return require(file);
  }
  console.log("missing");
  process.exit(3);
}

let text = "";
let started = false;
process.stdin.on("data", (chunk) => {
  text += chunk;
  if (started || !text.includes("\n")) return;
  started = true;
  const secret = hash(text.trim());
  const server = load()({ path: data, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  const answers = server.listeners("request");
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    const given = request.headers["x-doorwright-secret"];
    if (typeof given !== "string" || !timingSafeEqual(hash(given), secret)) {
      response.writeHead(403).end();
      return;
    }
    for (const answer of answers) answer.call(server, request, response);
  });
  server.keepAliveTimeout = 60000;
  server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port));
});
process.stdin.on("end", () => process.exit(0));
