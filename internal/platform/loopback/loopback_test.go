package loopback_test

import (
	"testing"

	"authly/internal/platform/loopback"
)

func TestIsHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "127.0.0.1": true, "127.255.0.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "127.1": false, "0.0.0.0": false, "::": false, "localhost.example.com": false, "db.localhost": false,
		"127.0.0.1.example.com": false, "10.0.0.1": false, "[::1]": false, "/var/run/postgresql": false,
	} {
		if got := loopback.IsHost(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
