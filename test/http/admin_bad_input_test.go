package http_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"authly/internal/platform/db/dbtest"
)

// Every operation × everything that is wrong with a request whoever reads it: a problem of
// the right status that names what is wrong, and nothing has changed. The operations are
// those of the description, so that a new one is in here by itself.
func TestBadInputToEveryOperation(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			k := newAsker(t, engine)
			for _, operation := range k.operations {
				path := k.pathOf(operation, k.existing)
				if taken, ok := k.body(operation); ok {
					k.badBodies(t, operation, path, taken)
				} else {
					for _, body := range []string{`{"password":"of my choice"}`, `{broken`, `{}{}`, `null`, `[]`, strings.Repeat(" ", 100<<10)} {
						k.refuses(t, request{operation: operation, path: path, body: []byte(body)}, "a body", []int{http.StatusUnprocessableEntity}, "body")
					}
				}
				k.badQueries(t, operation, path)
				k.badPaths(t, operation)
				k.badConditions(t, operation, path)
			}
			k.conflicts(t)
		})
	}
}

// ofTheLibrary is how it speaks of what it reads, which is nothing for people.
var ofTheLibrary = regexp.MustCompile(`expected |RFC 4122|[0-9]e\+|json: |strconv|\^\[|2006-01-02`)

// refuses holds that a request is answered with one of the statuses and that the problem names
// every part, in words of our own.
func (k *asker) refuses(t *testing.T, sent request, what string, statuses []int, parts ...string) {
	t.Helper()
	answer := k.ask(t, sent)
	named := !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(answer.Body, part) })
	var told struct {
		Errors []struct{ Location, Message string }
	}
	err := json.Unmarshal([]byte(answer.Body), &told)
	isPlaced := answer.Status == http.StatusNotFound || answer.Status == http.StatusConflict || len(told.Errors) > 0
	for _, each := range told.Errors {
		place, _, _ := strings.Cut(each.Location, ".")
		isPlaced = isPlaced && slices.Contains([]string{"body", "query", "header", "path"}, place) && each.Message != ""
	}
	isOurs := strings.HasPrefix(answer.Text("type"), "urn:authly:problem:") && !ofTheLibrary.MatchString(answer.Body)
	if err != nil || !isPlaced || !isOurs || !slices.Contains(statuses, answer.Status) || !named {
		t.Errorf("%s: %s %s with %.200q\n%d %s\nwant %d that says %q", what, answer.Method, answer.URL, sent.body, answer.Status, answer.Body, statuses, parts)
	}
}

func (k *asker) badBodies(t *testing.T, operation describedOperation, path string, taken schema) {
	t.Helper()
	of := func(status int) []int { return []int{status} }
	name := slices.Sorted(maps.Keys(taken.Properties))[0]
	for what, test := range map[string]struct {
		body     string
		kind     string
		statuses []int
		part     string
	}{
		"no JSON":             {`{"` + name + `":`, "", of(http.StatusBadRequest), "body"},
		"something behind it": {`{} {}`, "", of(http.StatusBadRequest), "body"},
		"a brace too many":    {`{}}`, "", of(http.StatusBadRequest), "body"},
		"a member twice":      {`{"` + name + `":null,"` + name + `":null}`, "", of(http.StatusBadRequest), name},
		"no UTF-8":            {"{\"" + name + "\":\"\xff\"}", "", of(http.StatusBadRequest), "body"},
		"a NUL":               {`{"` + name + `":"a\u0000"}`, "", of(http.StatusBadRequest), name},
		"very deep":           {`{"` + name + `":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`, "", of(http.StatusBadRequest), "body"},
		"too large":           {`{"` + name + `":"` + strings.Repeat("x", 64<<10) + `"}`, "", of(http.StatusRequestEntityTooLarge), ""},
		"an unknown member":   {`{"no_such_member":1}`, "", of(http.StatusUnprocessableEntity), "no_such_member"},
		"twice but for case":  {`{"` + name + `":null,"` + strings.ToUpper(name) + `":null}`, "", of(http.StatusBadRequest), strings.ToUpper(name)},
		"in other letters":    {`{"` + strings.ToUpper(name) + `":null}`, "", of(http.StatusUnprocessableEntity), strings.ToUpper(name)},
		"an array":            {`[]`, "", of(http.StatusUnprocessableEntity), "body"},
		"null":                {`null`, "", of(http.StatusUnprocessableEntity), "body"},
		"a text":              {`"x"`, "", of(http.StatusUnprocessableEntity), "body"},
		"a form":              {`a=b`, "application/x-www-form-urlencoded", of(http.StatusUnsupportedMediaType), ""},
		"another type":        {`{}`, "text/plain", of(http.StatusUnsupportedMediaType), ""},
	} {
		sent := request{operation: operation, path: path, body: []byte(test.body)}
		if test.kind != "" {
			sent.header = map[string]string{"Content-Type": test.kind}
		}
		k.refuses(t, sent, what, test.statuses, test.part)
	}
	if operation.RequestBody.Required {
		k.refuses(t, request{operation: operation, path: path}, "nothing", of(http.StatusBadRequest))
	}
	for member, described := range taken.Properties {
		if wrong := wrongFor(k.resolved(described)); wrong != "" {
			sent := request{operation: operation, path: path, body: []byte(`{"` + member + `":` + wrong + `}`)}
			k.refuses(t, sent, "the wrong type", of(http.StatusUnprocessableEntity), "body."+member)
		}
	}
}

// wrongFor returns a JSON value of a type that is not allowed, "" if all are.
func wrongFor(s schema) string {
	for kind, value := range map[string]string{"string": `"x"`, "object": `{"no_such_member":{}}`, "array": `[[[]]]`, "boolean": `true`} {
		if s.Type != nil && !s.is(kind) {
			return value
		}
	}
	return ""
}

func (k *asker) badQueries(t *testing.T, operation describedOperation, path string) {
	t.Helper()
	invalid := []int{http.StatusUnprocessableEntity}
	ask := func(what, name, value string) {
		k.refuses(t, request{operation: operation, path: path + "?" + name + "=" + value}, what, invalid, name)
	}
	ask("an unknown parameter", "no_such_parameter", "1")
	for _, parameter := range operation.Parameters {
		if parameter.In != "query" {
			continue
		}
		ask("a NUL", parameter.Name, "%00")
		ask("no UTF-8", parameter.Name, "%ff")
		switch s := parameter.Schema; {
		case s.is("integer"):
			for _, value := range []string{"0", "-1", "201", "1e3", "x", "99999999999999999999"} {
				ask("a wrong number", parameter.Name, value)
			}
		case len(s.Enum) > 0:
			ask("a wrong word", parameter.Name, "no_such_word")
		case parameter.Name == "cursor":
			for _, value := range []string{"x", "!!!", "AAAA", url.QueryEscape(nowhere), strings.Repeat("A", 65)} {
				ask("a wrong cursor", parameter.Name, value)
			}
		case s.Format != "":
			ask("a wrong form", parameter.Name, "yesterday")
		}
		if parameter.Schema.MaxLength > 0 {
			ask("too long", parameter.Name, strings.Repeat("x", parameter.Schema.MaxLength+1))
		}
	}
}

func (k *asker) badPaths(t *testing.T, operation describedOperation) {
	t.Helper()
	if !strings.Contains(operation.path, "{") {
		return
	}
	body := k.acceptable(operation)
	for value, statuses := range map[string][]int{
		nowhere:                  {http.StatusNotFound},
		"no-such-thing":          {http.StatusNotFound, http.StatusUnprocessableEntity},
		"%00":                    {http.StatusUnprocessableEntity},
		"a%ffb":                  {http.StatusUnprocessableEntity},
		"%27%20OR%201%3D1":       {http.StatusNotFound, http.StatusUnprocessableEntity},
		strings.Repeat("x", 300): {http.StatusNotFound, http.StatusUnprocessableEntity},
	} {
		path := k.pathOf(operation, func(string) string { return value })
		k.refuses(t, request{operation: operation, path: path, body: body}, "no such thing", statuses)
	}
}

// acceptable returns a body that the operation would take, nil for none.
func (k *asker) acceptable(operation describedOperation) []byte {
	taken, ok := k.body(operation)
	if !ok {
		return nil
	}
	members := map[string]any{}
	for _, name := range taken.Required {
		members[name] = "x" + strings.Repeat("y", 40)
	}
	body, _ := json.Marshal(members)
	return body
}

func (k *asker) badConditions(t *testing.T, operation describedOperation, path string) {
	t.Helper()
	for _, parameter := range operation.Parameters {
		if parameter.Name != "If-Match" {
			continue
		}
		for _, value := range []string{`"stale"`, `garbage`, `W/"x"`, `"`, strings.Repeat("x", 4000)} {
			sent := request{operation: operation, path: path, body: k.acceptable(operation), header: map[string]string{"If-Match": value}}
			k.refuses(t, sent, "an ETag of something else", []int{http.StatusPreconditionFailed})
		}
	}
}

// conflicts makes what is there already.
func (k *asker) conflicts(t *testing.T) {
	t.Helper()
	for id, test := range map[string]struct{ body, part string }{
		"create-user":   {`{"username":"ADA","invitation":true}`, "body.username"},
		"create-scope":  {`{"name":"orders","description":"see your orders"}`, "body.name"},
		"create-client": {`{"client_id":"` + k.existing("client_id") + `","client_name":"x","redirect_uris":["https://x.example/cb"]}`, "body.client_id"},
	} {
		at := slices.IndexFunc(k.operations, func(o describedOperation) bool { return o.ID == id })
		sent := request{operation: k.operations[at], path: k.operations[at].path, body: []byte(test.body)}
		k.refuses(t, sent, "a conflict", []int{http.StatusConflict}, test.part)
	}
}
