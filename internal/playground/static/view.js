// Turns steps, which are plain data, into elements. Everything is set as text: the
// policy of the page forbids anything else, and what a server says is not trusted here.

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A block that may scroll has to be reachable with the keyboard.
function code(text, label) {
  return element("pre", { tabindex: "0", role: "group", "aria-label": label }, element("code", {}, text));
}

const states = { running: "Running", done: "Done", failed: "Failed" };

const blocks = {
  exchange({ request, status, response }) {
    return element("div", { class: "exchange" },
      element("div", {}, element("h3", {}, "Request"), code(request, "Request")),
      element("div", {}, element("h3", {}, "Response ", element("span", { class: status.good ? "pill" : "pill wrong" }, status.text)),
        code(response, "Response")));
  },

  request({ text, label }) {
    return element("div", {}, element("h3", {}, label), code(text, label));
  },

  values({ rows }) {
    return element("dl", { class: "values" }, ...rows.map(([name, value, meaning]) =>
      element("div", {}, element("dt", {}, element("code", {}, name)),
        element("dd", {}, element("code", { class: "value" }, value), meaning ? element("span", { class: "hint" }, meaning) : ""))));
  },

  checks({ items }) {
    return element("ul", { class: "checks" }, ...items.map(({ passed, text }) =>
      element("li", { "data-passed": String(passed) },
        element("span", { class: "verdict" }, passed ? "OK" : "No"), element("span", {}, text))));
  },

  token({ name, raw, header, payload, note }) {
    const parts = raw.split(".");
    const colours = ["token-header", "token-payload", "token-signature"];
    const shown = header ? parts.flatMap((part, i) => [i ? "." : "", element("span", { class: colours[i] }, part)]) : [raw];
    const box = element("div", { class: "token", "data-token": name },
      element("h3", {}, name),
      element("pre", { class: "raw", tabindex: "0", role: "group", "aria-label": name }, element("code", {}, ...shown)));
    if (header) {
      box.append(element("div", { class: "exchange" },
        element("div", { class: "token-header" }, element("h4", {}, "Header"), code(JSON.stringify(header, null, 2), "Header")),
        element("div", { class: "token-payload" }, element("h4", {}, "Payload"), code(JSON.stringify(payload, null, 2), "Payload"))));
      const times = ["auth_time", "iat", "exp"].filter((claim) => typeof payload[claim] === "number")
        .map((claim) => `${claim} ${new Date(payload[claim] * 1000).toLocaleTimeString()}`);
      if (note) box.append(element("p", { class: "hint" }, note));
      if (times.length) box.append(element("p", { class: "hint" }, "On this clock: " + times.join(", ")));
    } else {
      box.append(element("p", { class: "hint" }, "This token is opaque: only the server knows what it stands for."));
    }
    return box;
  },

  error({ text }) {
    return element("p", { class: "alert", role: "alert" }, text);
  },
};

export function renderStep(step, number) {
  const title = element("h2", { id: `${step.id}-title` },
    element("span", { class: "number", "aria-hidden": "true" }, String(number)),
    element("span", { class: "name" }, step.title),
    element("span", { class: "state" }, states[step.state]));
  return element("li", { class: "panel step", id: step.id, "data-state": step.state, "aria-labelledby": `${step.id}-title` },
    title, element("p", { class: "note" }, step.note), ...step.blocks.map((block) => blocks[block.kind](block)));
}
