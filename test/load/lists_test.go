package load_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"authly/internal/client"
	"authly/internal/platform/clock"
	"authly/internal/platform/db/dbtest"
	"authly/internal/testx"
	"authly/test/load"
)

// plan is what is measured: little in CI, where it holds that the lists can be walked, and
// very much for "make admin-load".
type plan struct {
	size  load.Size
	limit time.Duration // of the median of a page; 0: not held
}

func planned(t *testing.T) plan {
	t.Helper()
	made := plan{size: load.Size{Users: 60, Clients: 20}}
	for name, into := range map[string]*int{"LOAD_USERS": &made.size.Users, "LOAD_CLIENTS": &made.size.Clients} {
		if text := os.Getenv(name); text != "" {
			number, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			*into = number
		}
	}
	if text := os.Getenv("LOAD_LIMIT"); text != "" {
		limit, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("LOAD_LIMIT: %v", err)
		}
		made.limit = limit
	}
	return made
}

// parameter is one of a list's filters.
type parameter struct {
	Name, In string
	Schema   struct {
		Enum   []any
		Format string
	}
}

// list is an operation that answers page by page, or whole.
type list struct {
	path    string
	scope   string
	filters []parameter
	paged   bool
}

// measured is a server with its lists.
type measured struct {
	*testx.Server
	t       *testing.T
	robot   testx.Client
	through *http.Client
	plan    plan
	tokens  map[string]string
	known   map[string]string // of what lists had before, by the name of a member
	asked   int
	slowest []string
}

// Every list of the description, with each of its filters, at its first, middle and last page.
func TestListsOfTheAdministration(t *testing.T) {
	made := planned(t)
	for _, engine := range dbtest.Engines(t) {
		t.Run(string(engine), func(t *testing.T) {
			s := testx.NewServer(t, engine)
			m := &measured{Server: s, t: t, through: testx.NewHTTPClient(t, nil), plan: made, tokens: map[string]string{}, known: map[string]string{}}
			if err := load.Seed(t.Context(), s.Database(), made.size, clock.System().Now(), slog.New(slog.NewTextHandler(t.Output(), nil))); err != nil {
				t.Fatal(err)
			}
			lists := m.lists()
			if len(lists) < 8 {
				t.Fatalf("only %d lists are described", len(lists))
			}
			for _, each := range lists {
				m.measure(each)
			}
			t.Logf("%d kinds of lists; medians by list and filter, slowest first:\n%s", m.asked, strings.Join(m.ranked(), "\n"))
		})
	}
}

func (m *measured) ranked() []string {
	slices.Sort(m.slowest)
	slices.Reverse(m.slowest)
	return m.slowest[:min(len(m.slowest), 25)]
}

// lists finds what is asked with GET and without the name of one thing.
func (m *measured) lists() []list {
	var described struct {
		Paths map[string]map[string]struct {
			Parameters []parameter
			Security   []map[string][]string
		}
	}
	if err := json.Unmarshal([]byte(m.Get("/api/v1/openapi.json").Body), &described); err != nil {
		m.t.Fatal(err)
	}
	var found []list
	var scopes []string
	for _, path := range slices.Sorted(maps.Keys(described.Paths)) {
		read, ok := described.Paths[path]["get"]
		if !ok || strings.Contains(path, "{") || strings.HasSuffix(path, "/export") {
			continue
		}
		made := list{path: path, scope: read.Security[0]["oauth"][0]}
		for _, each := range read.Parameters {
			switch each.Name {
			case "limit":
			case "cursor":
				made.paged = true
			default:
				made.filters = append(made.filters, each)
			}
		}
		found, scopes = append(found, made), append(scopes, made.scope)
	}
	m.robot = m.Confidential("https://robot.example/callback", func(c *client.Metadata) {
		c.Scopes = append(c.Scopes, scopes...)
		c.Resources, c.Administrator = []string{m.Issuer + "/api/v1/admin"}, true
	})
	return found
}

// token returns one for a scope, made anew before it ends.
func (m *measured) token(scope string) string {
	if m.tokens[scope] == "" {
		answer := m.Token(m.robot, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "resource": {m.Issuer + "/api/v1/admin"}})
		m.tokens[scope] = answer.Text("access_token")
	}
	return m.tokens[scope]
}

// page is an answer with how long it took.
type page struct {
	members map[string]any
	took    time.Duration
}

func (m *measured) ask(of list, query url.Values) page {
	m.t.Helper()
	for range 2 {
		request, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, m.Issuer+of.path+"?"+query.Encode(), nil)
		if err != nil {
			m.t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+m.token(of.scope))
		begun := clock.System().Now()
		response, err := m.through.Do(request)
		if err != nil {
			m.t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		took := clock.System().Now().Sub(begun)
		if err = cmp.Or(err, response.Body.Close()); err != nil {
			m.t.Fatal(err)
		}
		if response.StatusCode == http.StatusUnauthorized { // the token has ended
			delete(m.tokens, of.scope)
			continue
		}
		read := page{took: took}
		if err := json.Unmarshal(text, &read.members); err != nil || response.StatusCode != http.StatusOK {
			m.t.Fatalf("%s?%s: %d %s", of.path, query.Encode(), response.StatusCode, text)
		}
		return read
	}
	m.t.Fatalf("%s: no token for %s counts", of.path, of.scope)
	return page{}
}

// elements returns what a page lists.
func (p page) elements() []map[string]any {
	var found []map[string]any
	for _, member := range p.members {
		values, _ := member.([]any)
		for _, value := range values {
			if element, ok := value.(map[string]any); ok {
				found = append(found, element)
			}
		}
	}
	return found
}

// measure asks for a list without a filter and with each of them.
func (m *measured) measure(of list) {
	m.t.Helper()
	some := m.walk(of, "", url.Values{})
	for _, filter := range of.filters {
		for _, value := range m.valuesOf(filter, some) {
			m.walk(of, filter.Name+"="+value, url.Values{filter.Name: {value}})
		}
	}
}

// valuesOf returns what to filter by: everything that can be said, what is there, a part of it, and what is not.
func (m *measured) valuesOf(filter parameter, some []map[string]any) []string {
	if len(filter.Schema.Enum) > 0 {
		var words []string
		for _, word := range filter.Schema.Enum {
			words = append(words, fmt.Sprint(word))
		}
		return words
	}
	if filter.Schema.Format == "date-time" {
		now := clock.System().Now().UTC()
		return []string{now.Add(-180 * 24 * time.Hour).Format(time.RFC3339), now.Add(-10 * 365 * 24 * time.Hour).Format(time.RFC3339)}
	}
	name := filter.Name
	if name == "q" {
		name = "client_name"
	}
	var values []string
	for _, element := range some {
		if text, ok := element[name].(string); ok && text != "" {
			values = append(values, text)
			m.known[name] = text
			break
		}
	}
	if len(values) == 0 && m.known[name] != "" { // what this list is about, but does not show
		values = append(values, m.known[name])
	}
	if filter.Schema.Format == "uuid" || strings.HasSuffix(filter.Name, "_id") {
		return append(values, "0190d8b2-0000-7000-8000-000000000000")
	}
	if len(values) > 0 && len(values[0]) > 4 {
		values = append(values, strings.ToUpper(values[0][len(values[0])-4:]))
	}
	return append(values, "nobody is called that")
}

// repetitions are how often the first, the middle and the last page are asked for.
const repetitions = 9

// walk goes through all pages, measures three of them, and returns the elements of the first.
func (m *measured) walk(of list, what string, query url.Values) []map[string]any {
	m.t.Helper()
	m.asked++
	if of.paged {
		query.Set("limit", "200")
	}
	first := m.ask(of, query)
	cursors, read := []string{""}, first
	for of.paged {
		next, _ := read.members["next_cursor"].(string)
		if next == "" {
			break
		}
		if len(cursors) > 20_000 || slices.Contains(cursors[max(0, len(cursors)-5):], next) {
			m.t.Fatalf("%s %s has no end", of.path, what)
		}
		cursors = append(cursors, next)
		query.Set("cursor", next)
		read = m.ask(of, query)
	}
	for name, cursor := range map[string]string{"first": cursors[0], "middle": cursors[len(cursors)/2], "last": cursors[len(cursors)-1]} {
		query.Del("cursor")
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		times := make([]time.Duration, repetitions)
		for i := range times {
			times[i] = m.ask(of, query).took
		}
		slices.Sort(times)
		median := times[repetitions/2]
		line := fmt.Sprintf("%8.2f ms  %s %s, %s of %d pages", float64(median.Microseconds())/1000, of.path, what, name, len(cursors))
		m.slowest = append(m.slowest, line)
		if m.plan.limit > 0 && median > m.plan.limit {
			m.t.Errorf("too slow: %s", line)
		}
	}
	return first.elements()
}
