package http_test

import (
	"crypto/sha512"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"authly/internal/platform/db"
	"authly/internal/platform/db/dbtest"
)

// choices makes decisions by bytes, so that a fuzzer can find its way by them.
type choices struct{ left []byte }

// of returns a number below count, 0 when there are no bytes any more.
func (c *choices) of(count int) int {
	if len(c.left) == 0 {
		return 0
	}
	chosen := int(c.left[0]) % count
	c.left = c.left[1:]
	return chosen
}

func (c *choices) pick(from []string) string { return from[c.of(len(from))] }

// nasty are texts that something might stumble over.
func nasty() []string {
	return []string{
		"", " ", "\x00", "\xff", "a\nb", "'", `"`, `\`, "%", "_", "${x}", "<script>", "../../etc/passwd", "\u202e", "\ufeff", "🙂", "é", "İ", "ſ", "-1", "null",
		"0190d8b2-0000-7000-8000-00000000000", nowhere, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
		"https://a.example/cb", "http://127.0.0.1/", "javascript:alert(1)", "https://[::1", "openid", "admin:users:write", "none", "RS256",
		"9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-11-25T12:00:00Z", "-0001-01-01T00:00:00Z", strings.Repeat("x", 300), strings.Repeat("é", 5000),
	}
}

// jsonValues are values of every type and size.
func jsonValues() []string {
	return []string{
		"null", "true", "false", "0", "-1", "1", "60", "1.5", "1e400", "-1e400", "9223372036854775807", "9223372036854775808", "99999999999999999999999", `""`, `"x"`,
		`"\u0000"`, `"\ud800"`, "\"\xff\"", "[]", "[null]", `["x","x"]`, "[[]]", "{}", `{"x":1}`, `{"x":1,"x":2}`, "", "nul", "01", `'x'`,
		strings.Repeat("[", 500) + strings.Repeat("]", 500), `"` + strings.Repeat("x", 70_000) + `"`,
	}
}

// request makes one of the requests of the description, right or wrong as the choices have it.
func (k *asker) request(c *choices) request {
	operation := k.operations[c.of(len(k.operations))]
	sent := request{operation: operation, header: map[string]string{}}
	sent.path = k.pathOf(operation, func(name string) string {
		known := k.ids[name]
		if len(known) == 0 || c.of(6) == 5 || operation.ID == "run-job" { // a job goes on after its answer
			return escaped(strings.ReplaceAll(c.pick(nasty()), "/", "")) // a slash leads to another route, or to none
		}
		return escaped(c.pick(known))
	})
	var query []string
	for _, parameter := range operation.Parameters {
		switch {
		case parameter.In == "header" && c.of(4) == 3:
			sent.header[parameter.Name] = strings.Map(printable, c.pick(nasty()))
		case parameter.In == "query" && c.of(3) == 2:
			query = append(query, parameter.Name+"="+escaped(k.parameter(c, parameter.Name, parameter.Schema)))
		}
	}
	if c.of(20) == 19 {
		query = append(query, c.pick([]string{"no_such=1", "%zz", "limit=1&limit=2", ";", "=", "&&"}))
	}
	if len(query) > 0 {
		sent.path += "?" + strings.Join(query, "&")
	}
	if taken, ok := k.body(operation); ok {
		sent.body = []byte(k.document(c, taken, 4))
		k.spoil(c, &sent)
	}
	return sent
}

// printable leaves what can stand in a header.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

func escaped(text string) string {
	var made strings.Builder
	for _, b := range []byte(text) {
		fmt.Fprintf(&made, "%%%02x", b)
	}
	if made.Len() == 0 {
		return "%20" // an empty segment is another route
	}
	return made.String()
}

func (k *asker) parameter(c *choices, name string, s schema) string {
	if len(s.Enum) > 0 && c.of(4) > 0 {
		return fmt.Sprint(s.Enum[c.of(len(s.Enum))])
	}
	if s.is("integer") && c.of(4) > 0 {
		return strconv.Itoa(c.of(210))
	}
	if known := k.ids[name]; len(known) > 0 && c.of(3) > 0 {
		return c.pick(known)
	}
	return c.pick(nasty())
}

// document returns JSON for a schema, now and then with something else in it.
func (k *asker) document(c *choices, s schema, depth int) string {
	s = k.resolved(s)
	if depth == 0 || c.of(12) == 11 {
		return c.pick(jsonValues())
	}
	switch {
	case len(s.Enum) > 0:
		return strconv.Quote(fmt.Sprint(s.Enum[c.of(len(s.Enum))]))
	case len(s.Properties) > 0:
		var members []string
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			if slices.Contains(s.Required, name) || c.of(4) == 3 {
				members = append(members, strconv.Quote(name)+":"+k.document(c, s.Properties[name], depth-1))
			}
		}
		if c.of(15) == 14 {
			members = append(members, `"no_such_member":1`)
		}
		return "{" + strings.Join(members, ",") + "}"
	case s.is("array") && s.Items != nil:
		items := make([]string, c.of(4))
		for i := range items {
			items[i] = k.document(c, *s.Items, depth-1)
		}
		return "[" + strings.Join(items, ",") + "]"
	case s.is("boolean"):
		return c.pick([]string{"true", "false"})
	case s.is("integer"):
		return c.pick([]string{"0", "1", "60", "3600", "-1", "2147483648"})
	case s.is("string"):
		return strconv.Quote(c.pick(append([]string{"x", "Somebody", "https://app.example/cb", "orders", "ada", k.existing("client_id")}, nasty()...)))
	default:
		return c.pick(jsonValues())
	}
}

// spoil damages what is sent now and then.
func (k *asker) spoil(c *choices, sent *request) {
	switch c.of(16) {
	case 10:
		sent.body = sent.body[:c.of(len(sent.body)+1)]
	case 11:
		sent.body = append(sent.body, []byte(c.pick(jsonValues()))...)
	case 12:
		sent.header["Content-Type"] = c.pick([]string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=utf-16", ";", "application/xml"})
	case 13:
		sent.header["Accept"] = c.pick([]string{"text/html", "application/cbor", "*/*;q=0", "x"})
	case 14:
		sent.body = nil
	case 15:
		sent.header["Content-Encoding"] = "gzip"
	default:
	}
}

// follow sends a request and remembers what it made, for the next ones.
func (k *asker) follow(t testing.TB, sent request) {
	t.Helper()
	k.t, k.Server = t, k.In(t)
	answer := k.ask(t, sent)
	if answer.Status != http.StatusCreated {
		return
	}
	for name, member := range map[string]string{"create-client": "client_id", "create-user": "user_id", "create-scope": "name", "create-client-secret": "secret_id"} {
		made := answer.Text(member)
		if made == "" {
			made = answer.Text("id")
		}
		if sent.operation.ID == name && made != "" && len(k.ids[member]) < 50 {
			k.ids[member] = append(k.ids[member], made)
		}
	}
}

// Requests to the API from its own description, most of them nearly right: it never fails,
// answers as it says, shows no secret twice, and what it refuses changes nothing.
func TestRequestsFromTheDescription(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			k := newAsker(t, engine)
			for number := range 800 {
				var made []byte // the same on every run
				for part := range 2 {
					digest := sha512.Sum512(fmt.Appendf(nil, "request %d, part %d", number, part))
					made = append(made, digest[:]...)
				}
				k.follow(t, k.request(&choices{made}))
				if t.Failed() {
					return
				}
			}
		})
	}
}

// FuzzAdministration is the same with requests that the fuzzer chooses.
func FuzzAdministration(f *testing.F) {
	k := newAsker(f, db.SQLite)
	for first := range len(k.operations) {
		f.Add([]byte{byte(first)})
		f.Add([]byte{byte(first), 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 0, 3, 1, 3, 2, 3, 3})
	}
	f.Fuzz(func(t *testing.T, made []byte) { k.follow(t, k.request(&choices{made})) })
}
