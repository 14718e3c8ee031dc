package config

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration
		err  error
	}{
		{"10m", 10 * time.Minute, nil},
		{"1h30m", 90 * time.Minute, nil},
		{"1.5s", 1500 * time.Millisecond, nil},
		{"90d", 90 * day, nil},
		{"1d12h", 36 * time.Hour, nil},
		{"0", 0, nil},
		{"0s", 0, nil},
		{"0d", 0, nil},
		{"", 0, errDuration},
		{"d", 0, errDuration},
		{"1.5d", 0, errDuration},
		{"-1d", 0, errDuration},
		{"-5s", 0, errDuration},
		{"+5s", 0, errDuration},
		{"1d-5s", 0, errDuration},
		{"1d2d", 0, errDuration},
		{"12h1d", 0, errDuration},
		{"106752d", 0, errDuration}, // more than 292 years
		{"999999d", 0, errDuration},
		{"9999999d", 0, errDuration},
		{"106751d24h", 0, errDuration},
		{"10 m", 0, errDuration},
		{"600", 0, errNoUnit},
		{"1e3", 0, errNoUnit},
		{"1d5", 0, errNoUnit},
	} {
		got, err := parseDuration(test.text)
		if got != test.want || err != test.err { //nolint:errorlint // sentinels, never wrapped
			t.Errorf("%q: got %v, %v; want %v, %v", test.text, got, err, test.want, test.err)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "30s": 30 * time.Second, "10m": 10 * time.Minute, "1h": time.Hour, "1h30m": 90 * time.Minute, "1d": day,
		"36h": 36 * time.Hour, "90d": 90 * day, "2d1h": 49 * time.Hour, "1h0m5s": time.Hour + 5*time.Second, "1.5s": 1500 * time.Millisecond,
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Min(0).Draw(t, "d"))
		if got, err := parseDuration(formatDuration(d)); err != nil || got != d {
			t.Fatalf("%d is written %q and read as %d, %v", d, formatDuration(d), got, err)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, text := range []string{"10m", "90d", "1d12h", "0", "-1s", "600", "106751d23h47m16.854775807s", "1d1d", "d", "1e9h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDuration(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q is negative: %v", text, d)
		}
		if again, err := parseDuration(formatDuration(d)); err != nil || again != d {
			t.Fatalf("%q is %d, written %q, read as %d, %v", text, d, formatDuration(d), again, err)
		}
	})
}

func FuzzParseNetworks(f *testing.F) {
	for _, text := range []string{"10.0.0.0/8", "10.0.0.0/8, ::1", "::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "fe80::1%eth0", "10.0.0.1/8", ",", "0.0.0.0/0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		networks, err := parseNetworks(text)
		if err != nil {
			return
		}
		if len(networks) == 0 || len(networks) > maxNetworks {
			t.Fatalf("%q gives %d networks", text, len(networks))
		}
		for _, network := range networks {
			if !network.IsValid() || network != network.Masked() || network.Addr().Is4In6() || network.Addr().Zone() != "" {
				t.Fatalf("%q gives %v", text, network)
			}
		}
		again, err := parseNetworks(formatNetworks(networks))
		if err != nil || !slices.EqualFunc(networks, again, func(a, b netip.Prefix) bool { return a == b }) {
			t.Fatalf("%q is written %q and read as %v, %v", text, formatNetworks(networks), again, err)
		}
	})
}

// FuzzFile: whatever stands in a file, loading it ends with a configuration that
// is valid, or with problems that say what to do.
func FuzzFile(f *testing.F) {
	for _, text := range []string{
		"", "issuer: https://id.example.com", "log: {level: debug}", "log: 5", "a: {b: {c: 1}}", "1: 2", "? {a: b}\n: c", "~: ~", "a: &x [*x]",
		"trusted_proxies: [1, {a: b}]", "tokens:\n  access_token_lifetime: .inf", "<<: {listen: a}", "issuer: 2026-11-24", "log:\n  ? [a]\n  : b",
	} {
		f.Add(text, "yaml")
		f.Add(text, "toml")
	}
	f.Add("issuer = 'https://id.example.com'\n[log]\nlevel = 'debug'\n", "toml")
	f.Add("[[tokens]]\na.b.c = 1979-05-27\n", "toml")
	f.Fuzz(func(t *testing.T, text, extension string) {
		if extension != "toml" {
			extension = "yaml"
		}
		loaded, err := Load(LoadOptions{File: write(t, "a."+extension, text), Environment: environment(t)})
		if err == nil {
			if problems := loaded.Validate(); len(problems) > 0 {
				t.Fatalf("%q is loaded, but has %v", text, problems)
			}
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("%q: %v", text, err)
		}
		for _, problem := range problems {
			if problem.Setting == "" || problem.Message == "" || problem.Remedy == "" {
				t.Fatalf("%q: %+v says too little", text, problem)
			}
		}
	})
}
