package crash_test

import (
	"bufio"
	"context"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/platform/db"
)

func TestFirstAndSecondStart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		p := newPlace(t, engine)
		server := p.start()
		t.Logf("first start: ready after %s", server.ready.Round(time.Millisecond))
		first := p.credentials()
		if first.Issuer != p.issuer || first.User.Password == "" || first.Confidential.ClientSecret == "" {
			t.Errorf("dev.json is not whole: issuer %q", first.Issuer)
		}
		for _, uris := range [][]string{first.Public.RedirectURIs, first.Confidential.RedirectURIs} {
			if !slices.Contains(uris, "http://127.0.0.1/callback") {
				t.Errorf("the redirect URIs are %v", uris)
			}
		}
		token, err := p.issue(t.Context(), p.confidential())
		if err != nil {
			t.Fatal(err)
		}
		wantModes(t, p)
		wantBanner(t, server, first)

		server.signal(syscall.SIGTERM)
		if status := server.wait(); status != 0 {
			t.Errorf("SIGTERM ended the program with status %d:\n%s", status, server.output)
		}
		server = p.start()
		t.Logf("second start: ready after %s", server.ready.Round(time.Millisecond))
		if diff := cmp.Diff(first, p.credentials()); diff != "" {
			t.Errorf("the second start changed dev.json (-first +second):\n%s", diff)
		}
		if active, err := p.isActive(t.Context(), p.confidential(), token); err != nil || !active {
			t.Errorf("the token of the first start: active %t, %v", active, err)
		}
		wantModes(t, p)
	})
}

// wantModes checks that nobody else may read what is kept on the disk.
func wantModes(t *testing.T, p *place) {
	t.Helper()
	var names []string
	err := filepath.WalkDir(p.data(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		information, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if mode := information.Mode().Perm(); mode != want {
			t.Errorf("%s has mode %o, want %o", filepath.Base(path), mode, want)
		}
		names = append(names, filepath.Base(path))
		return nil
	})
	if err != nil || !slices.Contains(names, "dev.json") {
		t.Errorf("the data directory has %v, %v", names, err)
	}
}

// wantBanner checks that what somebody needs is printed, once, and not logged.
func wantBanner(t *testing.T, server *process, made credentials) {
	t.Helper()
	output := server.output.String()
	for _, want := range []string{
		made.User.Username, made.User.Password, made.Confidential.ClientID, made.Public.ClientID,
		server.issuer + "/playground", "curl ", server.issuer + "/oauth/token", "grant_type=client_credentials",
	} {
		if !strings.Contains(output, want) {
			t.Errorf("the banner lacks a part of %d characters that begins with %q", len(want), want[:4])
		}
	}
	if count := strings.Count(output, made.User.Password); count != 1 {
		t.Errorf("the password is printed %d times", count)
	}
}

// A request that is in flight when the server is asked to stop is answered.
func TestGracefulShutdown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, engine db.Engine) {
		p := newPlace(t, engine)
		server := p.start()
		known := p.credentials().Confidential
		var dialer net.Dialer
		connection, err := dialer.DialContext(t.Context(), "tcp", p.address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = connection.Close() }()
		if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		// The server waits for the second half of the body. "100 Continue" tells
		// that the handler has begun to read it, so the request is in flight.
		body := "grant_type=client_credentials&client_id=" + known.ClientID + "&client_secret=" + known.ClientSecret
		half := len(body) / 2
		send := func(text string) {
			if _, err := connection.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		send("POST /oauth/token HTTP/1.1\r\nHost: " + p.address + "\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
			strconv.Itoa(len(body)) + "\r\n\r\n")
		reader := bufio.NewReader(connection)
		if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
			t.Fatalf("got %q, %v", line, err)
		}
		if _, err := reader.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		send(body[:half])
		server.signal(syscall.SIGTERM)
		waitUntilRefused(t, p)
		send(body[half:])
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("the request in flight was not answered: %v\n%s", err, server.output)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("the request in flight was answered with %s", response.Status)
		}
		if status := server.wait(); status != 0 {
			t.Errorf("the program ended with status %d:\n%s", status, server.output)
		}
	})
}

// waitUntilRefused returns when the server takes no new connection.
func waitUntilRefused(t *testing.T, p *place) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		var dialer net.Dialer
		connection, err := dialer.DialContext(ctx, "tcp", p.address)
		if err != nil {
			return
		}
		_ = connection.Close()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("the server still takes connections")
		}
	}
}

func TestDevStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	p := newPlace(t, db.SQLite)
	for _, arguments := range [][]string{
		{"serve", "--dev", "--listen", "0.0.0.0:0"},
		{"serve", "--dev", "--listen", "[::]:0"},
		{"serve", "--dev", "--listen", ":0"},
		{"serve", "--dev", "--listen", "192.0.2.1:8080"},
		{"serve", "--dev", "--issuer", "https://id.example.com"},
	} {
		t.Run(strings.Join(arguments[2:], " "), func(t *testing.T) {
			server := p.run(arguments...)
			if status := server.wait(); status != 3 {
				t.Errorf("ended with status %d, want 3:\n%s", status, server.output)
			}
			if _, err := os.Stat(p.data("dev.json")); err == nil {
				t.Error("credentials were made")
			}
		})
	}
}

// Fail closed: all problems at once, nothing started.
func TestProblemsAreListedTogether(t *testing.T) {
	t.Parallel()
	p := newPlace(t, db.SQLite)
	p.environment = append(p.environment, "AUTHLY_DATABASE_URL=postgres://nobody@127.0.0.1:1/none", "AUTHLY_ISSUER=http://id.example.com", "AUTHLY_COLOUR=blue")
	server := p.run("serve")
	if status := server.wait(); status != 3 {
		t.Errorf("ended with status %d, want 3", status)
	}
	for _, want := range []string{"AUTHLY_COLOUR", "issuer", "sealing_key"} {
		if !strings.Contains(strings.ToLower(server.output.String()), strings.ToLower(want)) {
			t.Errorf("nothing is said about %s:\n%s", want, server.output)
		}
	}
}
