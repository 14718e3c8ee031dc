package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// suggestions returns what the program suggests with a server of many users and clients, and
// how often it asks.
func suggestions(t *testing.T, typed ...string) (lines []string, asked int64) {
	t.Helper()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		query := r.URL.Query()
		member, name, part := "clients", "client_id", query.Get("q")
		if strings.HasSuffix(r.URL.Path, "/users") {
			member, name, part = "users", "username", query.Get("username")
		} else if strings.HasSuffix(r.URL.Path, "/sessions") {
			member, name, part = "sessions", "id", ""
		}
		limit, _ := strconv.Atoi(query.Get("limit"))
		at, _ := strconv.Atoi(query.Get("cursor"))
		page := map[string]any{}
		rows := []map[string]string{}
		for ; at < 2000 && len(rows) < limit; at++ {
			if value := fmt.Sprintf("name-%04d", at); strings.Contains(value, part) {
				rows = append(rows, map[string]string{name: value})
			}
		}
		if page[member] = rows; at < 2000 {
			page["next_cursor"] = strconv.Itoa(at)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(server.Close)
	var output, problems bytes.Buffer
	program := Program{Output: &output, Errors: &problems, Environment: []string{"AUTHLY_SERVER=" + server.URL, "AUTHLY_TOKEN=token"}}
	if status := program.Run(t.Context(), append([]string{"__complete"}, typed...)); status != ExitOK {
		t.Fatalf("it ends with %d: %s", status, problems.String())
	}
	for line := range strings.Lines(output.String()) {
		if !strings.HasPrefix(line, ":") { // cobra's own, for the shell
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines, requests.Load()
}

// A name completes wherever it stands in the list.
func TestSuggestionsAreOfTheWholeList(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		about string
		typed []string
		want  string
		asked int64
	}{
		{"users are filtered by the server", []string{"user", "show", "name-1999"}, "name-1999", 1},
		{"and clients", []string{"client", "show", "name-1997"}, "name-1997", 1},
		{"for flags, too", []string{"session", "list", "--user", "name-1998"}, "name-1998", 1},
		{"what can't be is walked through", []string{"session", "show", "name-199"}, "name-1990 name-1991 name-1992 name-1993 name-1994 name-1995 name-1996 name-1997 name-1998 name-1999", 10},
	} {
		t.Run(test.about, func(t *testing.T) {
			t.Parallel()
			lines, asked := suggestions(t, test.typed...)
			if got := strings.Join(lines, " "); got != test.want || asked != test.asked {
				t.Errorf("got %q with %d requests, want %q with %d", got, asked, test.want, test.asked)
			}
		})
	}
	if lines, asked := suggestions(t, "client", "show", ""); len(lines) != mostSuggestions || asked != 1 {
		t.Errorf("there are %d suggestions with %d requests", len(lines), asked)
	}
}
