package secret_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"authly/internal/platform/secret"
)

func TestLoadOrCreateSealingKey(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "made", "here")
	path := filepath.Join(directory, "sealing.key")
	created, err := secret.LoadOrCreateSealingKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secret.NewSealer(created); err != nil {
		t.Errorf("the key that was made can't be used: %v", err)
	}
	assertMode(t, path, 0o600)
	assertMode(t, directory, 0o700)
	if entries, err := os.ReadDir(directory); err != nil || len(entries) != 1 {
		t.Errorf("the directory has %v, %v", entries, err)
	}
	loaded, err := secret.LoadOrCreateSealingKey(path)
	if err != nil || !loaded.Equal(created) {
		t.Errorf("another key at the second start: %v", err)
	}
}

func assertMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %04o, want %04o", path, got, want)
	}
}

func TestLoadSealingKeyRefuses(t *testing.T) {
	good := secret.NewSealingKey().Reveal()
	write := func(t *testing.T, content string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "sealing.key")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"readable by the group": {good, 0o640, "chmod 600"},
		"readable by others":    {good, 0o604, "chmod 600"},
		"writable by others":    {good, 0o602, "chmod 600"},
		"empty":                 {"", 0o600, "sealing key is 32 random bytes"},
		"cut":                   {good[:20], 0o600, "sealing key is 32 random bytes"},
		"huge":                  {strings.Repeat(good, 1000), 0o600, "sealing key is 32 random bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, test.content, test.mode)
			_, err := secret.LoadOrCreateSealingKey(path)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v does not say %q and the path", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), good[:8]) {
				t.Errorf("error %v has the key", err)
			}
			if content, _ := os.ReadFile(path); string(content) != test.content {
				t.Error("the file was overwritten")
			}
		})
	}
	if _, err := secret.LoadOrCreateSealingKey(t.TempDir()); err == nil {
		t.Error("a directory is a key")
	}
	parent := write(t, good, 0o600)
	if _, err := secret.LoadOrCreateSealingKey(filepath.Join(parent, "sealing.key")); err == nil {
		t.Error("a file is a directory")
	}
	accepted, err := secret.LoadOrCreateSealingKey(write(t, good+"\n", 0o400))
	if err != nil || accepted.Reveal() != good {
		t.Errorf("a read-only key is refused: %v", err)
	}
}

const startEnvironment = "TEST_SEALING_KEY_PATH"

// TestStartsAtOnceEndWithTheSameKey races goroutines, and processes of this very
// test binary, for a file that is not there.
func TestStartsAtOnceEndWithTheSameKey(t *testing.T) {
	if path := os.Getenv(startEnvironment); path != "" {
		key, err := secret.LoadOrCreateSealingKey(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(os.Getenv(startEnvironment+"_OUT"), []byte(key.Reveal()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	directory := t.TempDir()
	path := filepath.Join(directory, "data", "sealing.key")
	const goroutines, processes = 16, 4
	found := make([]string, goroutines+processes)
	var running sync.WaitGroup
	for i := range goroutines {
		running.Go(func() {
			key, err := secret.LoadOrCreateSealingKey(path)
			if err != nil {
				t.Error(err)
			}
			found[i] = key.Reveal()
		})
	}
	for i := range processes {
		running.Go(func() {
			output := filepath.Join(directory, "key"+string(rune('a'+i)))
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestStartsAtOnceEndWithTheSameKey$")
			command.Env = append(os.Environ(), startEnvironment+"="+path, startEnvironment+"_OUT="+output)
			if text, err := command.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, text)
			}
			content, err := os.ReadFile(output)
			if err != nil {
				t.Error(err)
			}
			found[goroutines+i] = string(content)
		})
	}
	running.Wait()
	for i, key := range found {
		if key == "" || key != found[0] {
			t.Errorf("start %d has another key", i)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
