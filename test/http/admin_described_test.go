package http_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"authly/internal/platform/db"
	"authly/internal/testx"
)

// schema is what the tests need of a JSON Schema.
type schema struct {
	Reference  string            `json:"$ref"`
	Type       any               `json:"type"`
	Format     string            `json:"format"`
	Enum       []any             `json:"enum"`
	Items      *schema           `json:"items"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	MaxLength  int               `json:"maxLength"`
	Text       string            `json:"description"`
}

// is tells whether values of a type are allowed.
func (s schema) is(wanted string) bool {
	switch types := s.Type.(type) {
	case string:
		return types == wanted
	case []any:
		return slices.Contains(types, any(wanted))
	default:
		return false
	}
}

// describedOperation is an operation as the server describes it.
type describedOperation struct {
	method, path string
	ID           string `json:"operationId"`
	Parameters   []struct {
		Name, In string
		Schema   schema
	}
	RequestBody *struct {
		Required bool
		Content  map[string]struct{ Schema schema }
	}
	Responses map[string]struct {
		Content map[string]json.RawMessage
	}
}

// description is the API as it describes itself.
type description struct {
	operations []describedOperation
	schemas    map[string]schema
	shownOnce  map[string]bool // the members that say so
	compiler   *jsonschema.Compiler
}

func (a *administration) describe(t testing.TB) description {
	t.Helper()
	text := a.Get("/api/v1/openapi.json").Body
	var read struct {
		Paths      map[string]map[string]describedOperation
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal([]byte(text), &read); err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	made := description{schemas: read.Components.Schemas, shownOnce: map[string]bool{}, compiler: jsonschema.NewCompiler()}
	for _, each := range made.schemas {
		for name, member := range each.Properties {
			made.shownOnce[name] = made.shownOnce[name] || strings.HasPrefix(member.Text, "Shown only now")
		}
	}
	made.compiler.AssertFormat()
	if err := made.compiler.AddResource("https://description.example/openapi.json", document); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(read.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(read.Paths[path])) {
			operation := read.Paths[path][method]
			operation.method, operation.path = strings.ToUpper(method), path
			made.operations = append(made.operations, operation)
		}
	}
	if len(made.operations) < 40 {
		t.Fatalf("only %d operations are described", len(made.operations))
	}
	return made
}

// resolved follows a reference.
func (d description) resolved(s schema) schema {
	if name, found := strings.CutPrefix(s.Reference, "#/components/schemas/"); found {
		return d.schemas[name]
	}
	return s
}

// body returns the schema of what an operation takes; ok tells whether it takes anything.
func (d description) body(of describedOperation) (taken schema, ok bool) {
	if of.RequestBody == nil {
		return schema{}, false
	}
	return d.resolved(of.RequestBody.Content["application/json"].Schema), true
}

// mismatch says in what an answer differs from its description, "" in nothing.
func (d description) mismatch(of describedOperation, answer testx.Answer) string {
	status := strconv.Itoa(answer.Status)
	if answer.Status >= http.StatusInternalServerError {
		return "the server failed"
	}
	described, known := of.Responses[status]
	if !known {
		return "the status is not described"
	}
	kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	if len(described.Content) == 0 {
		if answer.Body != "" {
			return "it has a body and none is described"
		}
		return ""
	}
	if _, known := described.Content[kind]; !known {
		return "the type " + kind + " is not described"
	}
	if kind != "application/json" && kind != "application/problem+json" {
		return ""
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
	compiled, err := d.compiler.Compile("https://description.example/openapi.json#/paths/" + escape.Replace(of.path) + "/" + strings.ToLower(of.method) +
		"/responses/" + status + "/content/" + escape.Replace(kind) + "/schema")
	if err != nil {
		return err.Error()
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(answer.Body))
	if err == nil {
		err = compiled.Validate(value)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// asker sends requests as the description has them, and holds what is true of every answer.
type asker struct {
	*administration
	description
	robot   testx.Client
	token   string
	through *http.Client
	ids     map[string][]string // of what there is, by the name of a path's parameter
	shown   []string            // secrets that were shown once
	before  string
	// beforeEvents is how many events were in the log.
	beforeEvents int64
}

const nowhere = "0190d8b2-0000-7000-8000-000000000000"

// newAsker returns one with a few things to ask about.
func newAsker(t testing.TB, engine db.Engine) *asker {
	t.Helper()
	a := administer(t, engine)
	if err := a.Keys().Tick(t.Context()); err != nil { // what the server makes by itself is made
		t.Fatal(err)
	}
	made := &asker{administration: a, description: a.describe(t), robot: a.robot(), through: testx.NewHTTPClient(t, nil)}
	made.renew()
	shop := a.Confidential("https://shop.example/callback", nil)
	ada := a.Person("ada")
	a.Tokens(shop, ada, nil)
	token := testx.Bearer(made.token)
	a.wants(a.send(token, http.MethodPost, "/scopes", `{"name":"orders","description":"see your orders"}`), http.StatusCreated)
	invited := a.wants(a.send(token, http.MethodPost, "/users", `{"username":"bob","invitation":true}`), http.StatusCreated)
	initial := a.wants(a.send(token, http.MethodPost, "/initial-access-tokens", `{"name":"partner"}`), http.StatusCreated)
	made.shown = append(made.shown, made.robot.Secret, shop.Secret, ada.Password, initial.Text("token"))
	made.ids = map[string][]string{
		"client_id": {shop.ClientID}, "user_id": {ada.ID.String(), invited.Text("id")}, "name": {"orders"}, "kid": made.all("/keys", "kid"),
		"event_id": made.all("/audit-events?limit=1", "id"), "grant_id": made.all("/grants", "id"), "session_id": made.all("/sessions", "id"),
		"job": made.all("/system/status", "name"), "secret_id": made.all("/clients/"+shop.ClientID+"/secrets", "id"),
		"token_id": append(made.all("/initial-access-tokens", "id"), made.all("/tokens?client_id="+shop.ClientID, "id")...),
	}
	made.before, made.beforeEvents = made.state(), made.events()
	return made
}

// renew gets a token for everything.
func (k *asker) renew() {
	k.t.Helper()
	k.token = k.own(k.robot, adminScopes().String(), k.Issuer+adminPath)
}

// all returns the members of that name of a list's elements.
func (k *asker) all(path, member string) []string {
	k.t.Helper()
	var found []string
	for _, list := range k.wants(k.send(testx.Bearer(k.token), http.MethodGet, path, ""), http.StatusOK).JSON {
		elements, _ := list.([]any)
		for _, element := range elements {
			members, _ := element.(map[string]any)
			if text, ok := members[member].(string); ok {
				found = append(found, text)
			}
		}
	}
	return found
}

// state changes with everything that an operation changes: each leaves an event at least.
func (k *asker) state() string {
	k.t.Helper()
	parts := []string{fmt.Sprint("events ", k.events())}
	for _, table := range []string{"users", "clients", "scopes"} {
		var last string
		if err := k.Database().Read(k.t.Context()).QueryRow(k.t.Context(), `SELECT COALESCE(CAST(max(updated_at) AS TEXT), '') FROM `+table).Scan(&last); err != nil {
			k.t.Fatal(err)
		}
		parts = append(parts, table+" "+last)
	}
	for _, table := range []string{
		"users", "clients", "client_secrets", "scopes", "signing_keys", "sessions", "grants", "initial_access_tokens", "password_tickets", "idempotency_keys",
	} {
		var count int64
		if err := k.Database().Read(k.t.Context()).QueryRow(k.t.Context(), `SELECT count(*) FROM `+table).Scan(&count); err != nil {
			k.t.Fatal(err)
		}
		parts = append(parts, table+" "+strconv.FormatInt(count, 10))
	}
	return strings.Join(parts, ", ")
}

// events counts the audit log.
func (k *asker) events() (count int64) {
	k.t.Helper()
	if err := k.Database().Read(k.t.Context()).QueryRow(k.t.Context(), `SELECT count(*) FROM audit_events`).Scan(&count); err != nil {
		k.t.Fatal(err)
	}
	return count
}

// request is one to an operation.
type request struct {
	operation describedOperation
	path      string // with its query
	body      []byte
	header    map[string]string
}

// secretMember matches members with a text that no answer must have, but those that say so.
var secretMember = regexp.MustCompile(`"([a-z_]*(?:secret|password|hash|private_key|token|url))"\s*:\s*"([^"]+)"`)

// ask sends a request and holds what is true of every answer; it returns the answer.
func (k *asker) ask(t testing.TB, sent request) testx.Answer {
	t.Helper()
	answer := k.do(t, sent)
	if answer.Status == http.StatusUnauthorized { // its key was withdrawn
		k.renew()
		k.before, k.beforeEvents = k.state(), k.events()
		answer = k.do(t, sent)
	}
	complain := func(what string) {
		t.Errorf("%s %q with %v and %.300q\n%d %v\n%.600s\n%s", sent.operation.method, sent.path, sent.header, sent.body, answer.Status, answer.Header, answer.Body, what)
	}
	if what := k.mismatch(sent.operation, answer); what != "" {
		complain(what)
	}
	after := k.state()
	if answer.Status >= http.StatusBadRequest && after != k.before {
		complain("it was refused and changed something: " + k.before + " → " + after)
	}
	if events := k.events(); after != k.before && events == k.beforeEvents {
		complain("it changed something and is not in the log: " + k.before + " → " + after)
	} else {
		k.beforeEvents = events
	}
	k.before = after
	isRead := sent.operation.method == http.MethodGet || answer.Status >= http.StatusBadRequest
	for _, secret := range k.shown {
		if isRead && strings.Contains(answer.Body, secret) {
			complain("it shows a secret")
		}
	}
	for _, member := range secretMember.FindAllStringSubmatch(answer.Body, -1) {
		if isRead || !k.shownOnce[member[1]] {
			complain("it has the member " + member[1])
		}
		k.shown = append(k.shown, member[2])
	}
	return answer
}

func (k *asker) do(t testing.TB, sent request) testx.Answer {
	t.Helper()
	made, err := http.NewRequestWithContext(t.Context(), sent.operation.method, k.Issuer+sent.path, bytes.NewReader(sent.body))
	if err != nil {
		t.Skip("it can't be sent at all") // only the fuzzer gets here
	}
	made.Header.Set("Authorization", "Bearer "+k.token)
	if sent.body != nil {
		made.Header.Set("Content-Type", "application/json")
	}
	for name, value := range sent.header {
		made.Header.Set(name, value)
	}
	response, err := k.through.Do(made)
	if err != nil {
		if strings.Contains(err.Error(), "invalid header field value") {
			t.Skip("it can't be sent at all")
		}
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := testx.Answer{Method: sent.operation.method, URL: sent.path, Status: response.StatusCode, Header: response.Header, Body: string(text)}
	_ = json.Unmarshal(text, &answer.JSON)
	return answer
}

// pathOf fills the parameters of an operation's path.
func (k *asker) pathOf(of describedOperation, value func(name string) string) string {
	path := of.path
	for _, parameter := range of.Parameters {
		if parameter.In == "path" {
			path = strings.Replace(path, "{"+parameter.Name+"}", value(parameter.Name), 1)
		}
	}
	return path
}

// existing returns something that there is.
func (k *asker) existing(name string) string {
	k.t.Helper()
	known := k.ids[name]
	if len(known) == 0 {
		k.t.Fatalf("there is no %s to ask about", name)
	}
	return known[0]
}
