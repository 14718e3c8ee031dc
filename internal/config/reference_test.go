package config

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"authly/internal/platform/secret"
	"authly/internal/testx/rules"
)

func update() bool { return flag.Lookup("update").Value.String() == "true" }

// ledger records which rules of the catalogue the tests of this package held.
var ledger = rules.For(rules.Settings)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write docs/configuration.md anew")
	os.Exit(ledger.Run(m))
}

func TestReferenceIsCurrent(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	if update() {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(string(committed), Reference()); difference != "" {
		t.Errorf("docs/configuration.md is out of date; run `go generate ./internal/config` (-file +table):\n%s", difference)
	}
}

func TestReferenceNamesEverything(t *testing.T) {
	reference := Reference()
	for _, name := range settingNames() {
		for _, word := range []string{"`" + name + "`", "`" + variable(name) + "`"} {
			if strings.Count(reference, word) == 0 {
				t.Errorf("the reference has no %s", word)
			}
		}
	}
	for _, o := range table {
		if o.flag != "" && !strings.Contains(reference, "`--"+o.flag+"`") {
			t.Errorf("the reference has no --%s", o.flag)
		}
	}
}

// TestReferenceExample: the file that the reference shows must be one.
func TestReferenceExample(t *testing.T) {
	_, example, _ := strings.Cut(referenceIntroduction, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	database, key := write(t, "database-url", somePG), write(t, "sealing-key", someKey)
	example = strings.NewReplacer("/run/secrets/database-url", database, "/run/secrets/sealing-key", key).Replace(example)
	loaded := load(t, LoadOptions{File: write(t, "a.yaml", example)})
	if loaded.Database.URL.Reveal() != somePG || loaded.Issuer != "https://id.example.com" {
		t.Errorf("got %+v", loaded)
	}
}

// TestYAMLRoundTrip: what is printed can be loaded, and gives the same.
func TestYAMLRoundTrip(t *testing.T) {
	first := load(t, LoadOptions{Environment: environment(t,
		"AUTHLY_TRUSTED_PROXIES=10.0.0.0/8,::1", "AUTHLY_SESSIONS_LIFETIME=1d12h", "AUTHLY_ISSUER=https://id.example.com/a", "AUTHLY_LISTEN=[::1]:8443")})
	second := load(t, LoadOptions{File: write(t, "a.yaml", first.YAML()), Environment: []string{}})
	ignore := cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "origins" || p.String() == "warnings" }, cmp.Ignore())
	if difference := cmp.Diff(first, second, ignore, cmp.Comparer(secret.Redacted.Equal), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); difference != "" {
		t.Errorf("(-printed +loaded):\n%s\n%s", difference, first.YAML())
	}
}

func TestYAMLShowsOrigins(t *testing.T) {
	loaded := load(t, LoadOptions{Environment: environment(t, "AUTHLY_SEALING_KEY="+someKey, "AUTHLY_LOG_LEVEL=debug")})
	for _, line := range []string{
		"issuer: \"http://localhost:8080\" # default\n",
		"sealing_key: \"[redacted]\" # environment variable AUTHLY_SEALING_KEY\n",
		"\ndatabase:\n  # url: not set (SQLite in the data directory)\n  max_connections: 0 # default\n",
		"  level: debug # environment variable AUTHLY_LOG_LEVEL\n",
		"  refresh_token_lifetime: 90d # default\n",
	} {
		if !strings.Contains(loaded.YAML(), line) {
			t.Errorf("no line %q in:\n%s", line, loaded.YAML())
		}
	}
}
