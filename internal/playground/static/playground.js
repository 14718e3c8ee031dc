// The playground: a public client of this server (OpenID Connect Core 1.0 section 3.1, OAuth 2.1 section 4.1).

import { Checks, codeChallenge, decodeToken, randomText, verifyIDToken } from "./protocol.js";
import { renderStep } from "./view.js";

const page = document.getElementById("playground");
const { issuer, clientId: clientID, redirectUri: redirectURI } = page.dataset;
const storageKey = "authly.playground";
const find = (id) => document.getElementById(id);

// Everything about the sign-in under way or finished. Tokens are here and nowhere else.
let flow = null;
const steps = [];

/* Display */

function show(state, text) {
  page.dataset.flow = state;
  find("status").textContent = text;
  const busy = state === "running" || state === "leaving";
  find("start").disabled = busy;
  find("actions").hidden = !flow?.tokens;
  find("userinfo").disabled = busy || !flow?.metadata.userinfo_endpoint;
  find("refresh").disabled = busy || !flow?.tokens?.refresh_token;
  find("revoke").disabled = busy || !flow?.metadata.revocation_endpoint || flow.revoked;
}

function draw(step) {
  const index = steps.indexOf(step);
  const drawn = renderStep(step, index + 1);
  const before = find("steps").children[index];
  if (before) before.replaceWith(drawn);
  else find("steps").append(drawn);
}

function begin(id, title, note) {
  const step = { id: `step-${id}`, title, note, state: "running", blocks: [] };
  steps.push(step);
  draw(step);
  return step;
}

function add(step, block) {
  step.blocks.push(block);
  draw(step);
}

function addChecks(step, checks) {
  add(step, { kind: "checks", items: checks.items });
  if (!checks.passed) throw new Error(`A check failed: ${checks.items.find((item) => !item.passed).text}.`);
}

// Runs a step to its end. What goes wrong is shown in the step, and ends the flow.
async function perform(id, title, note, work) {
  const step = begin(id, title, note);
  try {
    const result = await work(step);
    step.state = "done";
    draw(step);
    return result;
  } catch (error) {
    step.state = "failed";
    add(step, { kind: "error", text: error.message });
    throw error;
  }
}

// Runs steps, and says how they went.
async function run(work, success) {
  show("running", "Working…");
  try {
    await work();
    show("signed-in", success());
  } catch (error) {
    show("failed", error.message);
  }
}

const counts = {};
const numbered = (name) => `${name}-${counts[name] = (counts[name] ?? 0) + 1}`;

/* Requests */

function formatForm(parameters) {
  return [...parameters].map(([name, value], i) => `${i ? "&" : ""}${new URLSearchParams([[name, value]])}`).join("\n");
}

// Sends a request and shows it with its answer. Returns the response and what was in it, as JSON if it is that.
async function exchange(step, url, { form, bearer } = {}) {
  const headers = { Accept: "application/json" };
  if (form) headers["Content-Type"] = "application/x-www-form-urlencoded";
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  const lines = [`${form ? "POST" : "GET"} ${url}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  const request = lines.join("\n") + (form ? `\n\n${formatForm(form)}` : "");
  let response;
  try {
    response = await fetch(url, {
      method: form ? "POST" : "GET", headers, body: form,
      cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
    });
  } catch (error) {
    add(step, { kind: "request", label: "Request", text: request });
    throw new Error(`No answer from ${url}: ${error.message}.`);
  }
  const text = await response.text();
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    // shown as it is
  }
  const shown = ["Content-Type", "Cache-Control", "WWW-Authenticate"].filter((name) => response.headers.has(name))
    .map((name) => `${name}: ${response.headers.get(name)}`);
  const content = body ? JSON.stringify(body, null, 2) : text;
  add(step, {
    kind: "exchange", request,
    status: { good: response.ok, text: `${response.status} ${response.statusText}`.trim() },
    response: shown.join("\n") + (content ? `\n\n${content}` : ""),
  });
  return { response, body };
}

function refusal(body, what) {
  return new Error(body?.error ? `${what}: ${body.error}${body.error_description ? ` (${body.error_description})` : ""}.` : `${what}.`);
}

/* Before the sign-in page */

function discover() {
  return perform("discovery", "Discovery", "The client knows the issuer only. Its metadata says where the endpoints are and what they can do.", async (step) => {
    const { response, body } = await exchange(step, `${issuer}/.well-known/openid-configuration`);
    if (!response.ok || !body) throw refusal(body, "The metadata could not be fetched");
    const checks = new Checks();
    checks.expect(body.issuer === issuer, "issuer is the one that was asked for");
    checks.expect(body.authorization_endpoint && body.token_endpoint && body.jwks_uri, "the endpoints are there");
    checks.expect(body.response_types_supported?.includes("code"), "response type code is supported");
    checks.expect(body.code_challenge_methods_supported?.includes("S256"), "PKCE with S256 is supported");
    addChecks(step, checks);
    return body;
  });
}

function readOptions() {
  const options = new FormData(find("options"));
  return {
    scope: options.get("scope").trim().split(/\s+/).filter(Boolean).join(" "),
    prompt: options.get("prompt"),
    maxAge: options.get("max_age").trim(),
  };
}

function prepare(metadata, options) {
  return perform("request", "Authorization request", "The browser goes to the authorization endpoint with this request. The server remembers the challenge; the verifier stays here until the token request.", async (step) => {
    const transaction = {
      metadata, options, state: randomText(), nonce: randomText(), verifier: randomText(), startedAt: Date.now(),
    };
    const challenge = await codeChallenge(transaction.verifier);
    add(step, {
      kind: "values", rows: [
        ["code_verifier", transaction.verifier, "random, kept in this tab"],
        ["code_challenge", challenge, "SHA-256 of the verifier: of no use to anyone who sees it"],
        ["state", transaction.state, "ties the answer to this tab"],
        ["nonce", transaction.nonce, "ties the ID token to this request"],
      ],
    });
    const parameters = new URLSearchParams({ response_type: "code", client_id: clientID, redirect_uri: redirectURI });
    if (options.scope) parameters.set("scope", options.scope);
    parameters.set("state", transaction.state);
    parameters.set("nonce", transaction.nonce);
    parameters.set("code_challenge", challenge);
    parameters.set("code_challenge_method", "S256");
    if (options.prompt) parameters.set("prompt", options.prompt);
    if (options.maxAge !== "") parameters.set("max_age", options.maxAge);
    const endpoint = new URL(metadata.authorization_endpoint);
    add(step, { kind: "request", label: "The browser goes to", text: `${endpoint}\n?${formatForm(parameters)}` });
    for (const [name, value] of parameters) endpoint.searchParams.append(name, value);
    return { transaction, target: endpoint.href };
  });
}

async function start() {
  flow = null;
  steps.length = 0;
  find("steps").replaceChildren();
  for (const name of Object.keys(counts)) delete counts[name];
  show("running", "Working…");
  try {
    const options = readOptions();
    const metadata = await discover();
    const { transaction, target } = await prepare(metadata, options);
    sessionStorage.setItem(storageKey, JSON.stringify({ ...transaction, steps }));
    show("leaving", "Going to the sign-in page…");
    location.assign(target);
  } catch (error) {
    show("failed", error.message);
  }
}

/* After the sign-in page */

function takeTransaction() {
  const stored = sessionStorage.getItem(storageKey);
  sessionStorage.removeItem(storageKey); // a response is for one use
  return stored ? JSON.parse(stored) : null;
}

function receive(response, transaction) {
  return perform("response", "Authorization response", "The server sent the browser back with this. The code is worth nothing without the verifier.", (step) => {
    add(step, { kind: "values", rows: [...response].map(([name, value]) => [name, value]) });
    if (!transaction) throw new Error("No sign-in was started in this tab, so this answer belongs to somebody else's. It is not used.");
    const checks = new Checks();
    checks.expect(response.getAll("state").length === 1 && response.get("state") === transaction.state, "state is the one that was sent");
    checks.expect(response.getAll("iss").length === 1 && response.get("iss") === issuer, "iss is the issuer (RFC 9207)");
    checks.expect(response.getAll("code").length + response.getAll("error").length === 1, "there is one code or one error");
    addChecks(step, checks);
    if (response.has("error")) {
      throw refusal({ error: response.get("error"), error_description: response.get("error_description") }, "The server refused");
    }
    return response.get("code");
  });
}

function takeTokens(step, body) {
  const checks = new Checks();
  checks.expect(typeof body.access_token === "string" && body.access_token !== "", "there is an access token");
  checks.expect(String(body.token_type).toLowerCase() === "bearer", "it is a bearer token");
  addChecks(step, checks);
  add(step, { kind: "token", name: "Access token", raw: body.access_token, ...decodeToken(body.access_token), note: "For a client it is a text to pass on. It is meant for the resource server, and decoded here out of curiosity only." });
}

function redeem(code) {
  return perform("token", "Token request", "The code and its verifier are exchanged for tokens. The client is public, so it has no secret to send.", async (step) => {
    const { response, body } = await exchange(step, flow.metadata.token_endpoint, {
      form: new URLSearchParams({
        grant_type: "authorization_code", code, redirect_uri: redirectURI, client_id: clientID, code_verifier: flow.verifier,
      }),
    });
    if (!response.ok || !body) throw refusal(body, "The code was not accepted");
    takeTokens(step, body);
    return body;
  });
}

async function checkIDToken(step, raw, accessToken) {
  const token = decodeToken(raw);
  if (!token) throw new Error("The ID token is not a JWT.");
  add(step, { kind: "token", name: "ID token", raw, header: token.header, payload: token.payload });
  const { response, body } = await exchange(step, flow.metadata.jwks_uri);
  if (!response.ok || !body) throw refusal(body, "The JWK Set could not be fetched");
  const { maxAge } = flow.options;
  addChecks(step, await verifyIDToken(token, body, {
    issuer, clientID, accessToken, nonce: flow.nonce, subject: flow.subject,
    algorithms: flow.metadata.id_token_signing_alg_values_supported ?? [],
    maxAge: maxAge === "" ? undefined : Number(maxAge), elapsed: (Date.now() - flow.startedAt) / 1000,
  }));
  return token.payload;
}

function askUserInfo(id) {
  return perform(id, "UserInfo", "The access token opens the claims that the scopes stand for.", async (step) => {
    const { response, body } = await exchange(step, flow.metadata.userinfo_endpoint, { bearer: flow.tokens.access_token });
    const checks = new Checks();
    if (flow.revoked) {
      checks.expect(response.status === 401, "UserInfo refuses the revoked token");
      addChecks(step, checks);
      return null;
    }
    if (!response.ok || !body) throw refusal(body, "UserInfo refused the token");
    checks.expect(body.sub === flow.subject, "sub is the one in the ID token");
    addChecks(step, checks);
    return body;
  });
}

async function finish(response) {
  const transaction = takeTransaction();
  if (transaction) {
    for (const step of transaction.steps) {
      steps.push(step);
      draw(step);
    }
    find("scope").value = transaction.options.scope;
    find("prompt").value = transaction.options.prompt;
    find("max_age").value = transaction.options.maxAge;
  }
  let signedInAs = "";
  await run(async () => {
    const code = await receive(response, transaction);
    const { steps: _, ...rest } = transaction;
    flow = { ...rest, revoked: false };
    flow.tokens = await redeem(code);
    flow.verifier = null;
    if (!flow.tokens.id_token) {
      signedInAs = "Tokens were issued. There is no ID token, because openid was not among the scopes.";
      return;
    }
    const identity = await perform("id-token", "ID token", "It says who signed in. The client believes it after it has checked all of this.",
      (step) => checkIDToken(step, flow.tokens.id_token, flow.tokens.access_token));
    flow.subject = identity.sub;
    let person = identity.sub;
    if (flow.metadata.userinfo_endpoint) {
      const claims = await askUserInfo("userinfo");
      counts.userinfo = 1;
      person = claims.name ?? claims.preferred_username ?? claims.email ?? claims.sub;
    }
    signedInAs = `Signed in as ${person}.`;
  }, () => signedInAs);
}

/* With the tokens */

function refresh() {
  return run(() => perform(numbered("refresh"), "Refresh", "The refresh token gets a new access token without anybody signing in.", async (step) => {
    const before = flow.tokens.refresh_token;
    const { response, body } = await exchange(step, flow.metadata.token_endpoint, {
      form: new URLSearchParams({ grant_type: "refresh_token", refresh_token: before, client_id: clientID }),
    });
    if (flow.revoked) {
      const checks = new Checks();
      checks.expect(response.status === 400 && body?.error === "invalid_grant", "the revoked refresh token is refused");
      addChecks(step, checks);
      return;
    }
    if (!response.ok || !body) throw refusal(body, "The refresh token was not accepted");
    takeTokens(step, body);
    if (body.id_token && flow.subject) await checkIDToken(step, body.id_token, body.access_token);
    if (body.refresh_token && body.refresh_token !== before) {
      const checks = new Checks();
      checks.expect(true, "a new refresh token takes the place of the old one, which is used up");
      addChecks(step, checks);
    }
    flow.tokens = { ...flow.tokens, ...body };
  }), () => flow.revoked ? "The server refused the revoked token, as it should." : "The tokens were refreshed.");
}

function revoke() {
  return run(() => perform(numbered("revocation"), "Revocation", "The client gives back what it no longer needs (RFC 7009). Everything from the same authorization ends with it.", async (step) => {
    const hint = flow.tokens.refresh_token ? "refresh_token" : "access_token";
    const { response, body } = await exchange(step, flow.metadata.revocation_endpoint, {
      form: new URLSearchParams({ token: flow.tokens[hint], token_type_hint: hint, client_id: clientID }),
    });
    if (!response.ok) throw refusal(body, "The token was not revoked");
    flow.revoked = true;
    if (!flow.metadata.userinfo_endpoint || !flow.subject) return;
    const after = await exchange(step, flow.metadata.userinfo_endpoint, { bearer: flow.tokens.access_token });
    const checks = new Checks();
    checks.expect(after.response.status === 401, "UserInfo refuses the access token now");
    addChecks(step, checks);
  }), () => "The tokens were revoked. Try what they still open, or start again.");
}

function userinfo() {
  return run(() => askUserInfo(numbered("userinfo")), () => flow.revoked ? "The server refused the revoked token, as it should." : "UserInfo answered.");
}

function main() {
  if (location.origin !== new URL(issuer).origin) {
    // Opened as 127.0.0.1 instead of localhost, say: another origin, where the answer would not come back to.
    location.replace(redirectURI);
    return;
  }
  if (!window.isSecureContext || !crypto.subtle) {
    show("failed", "This browser gives no cryptography to a page that came over plain HTTP. Open it on localhost or over HTTPS.");
    return;
  }
  find("options").addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  for (const [id, action] of Object.entries({ userinfo, refresh, revoke })) {
    find(id).addEventListener("click", async () => {
      await action();
      find("steps").lastElementChild.scrollIntoView();
    });
  }
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // back from the sign-in page: that request is given up
  });
  find("start").disabled = false;
  const response = new URLSearchParams(location.search);
  if (response.has("code") || response.has("error") || response.has("state")) {
    history.replaceState(null, "", location.pathname); // a reload must not send the code again
    finish(response);
  }
}

main();
