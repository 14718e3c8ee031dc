package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"authly/internal/platform/secret"
)

// eachSecret runs a test for every secret option, with a good value for it and
// the variables that it needs beside it.
func eachSecret(t *testing.T, test func(t *testing.T, o option, value string, with func(lines ...string) []string)) {
	t.Helper()
	values := map[string]string{"database.url": somePG, "redis.url": someRedis, "sealing_key": someKey, "admin.password": "seven green bicycles"}
	for _, o := range table {
		if !o.secret() {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			value, ok := values[o.name]
			if !ok {
				t.Fatalf("%s: the test needs a value", o.name)
			}
			test(t, o, value, func(lines ...string) []string {
				if o.name == "database.url" {
					lines = append(lines, "AUTHLY_SEALING_KEY="+someKey)
				}
				if o.name == "admin.password" {
					lines = append(lines, "AUTHLY_ADMIN_USERNAME=root", "AUTHLY_ADMIN_EMAIL=root@example.com")
				}
				return environment(t, lines...)
			})
		})
	}
}

// reveal returns the value of a secret option.
func reveal(t *testing.T, o option, c Config) string {
	t.Helper()
	field, ok := o.field(&c).(*secret.Redacted)
	if !ok {
		t.Fatalf("%s is no secret", o.name)
	}
	return field.Reveal()
}

// inFile returns the text of a YAML file with one setting.
func inFile(name, value string) string {
	section, key, nested := strings.Cut(name, ".")
	if !nested {
		return section + ": " + value + "\n"
	}
	return section + ":\n  " + key + ": " + value + "\n"
}

func TestSecretFiles(t *testing.T) {
	eachSecret(t, func(t *testing.T, o option, value string, with func(...string) []string) {
		for _, test := range []struct{ name, content string }{
			{"without a line break", value},
			{"one line break is dropped", value + "\n"},
			{"a line break of Windows", value + "\r\n"},
		} {
			t.Run(test.name, func(t *testing.T) {
				path := write(t, "secret", test.content)
				loaded := load(t, LoadOptions{Environment: with(variable(o.name) + "_FILE=" + path)})
				if got := reveal(t, o, loaded); got != value {
					t.Errorf("the secret is %q", got)
				}
				if want := "environment variable " + variable(o.name) + "_FILE, file " + path; loaded.Origin(o.name) != want {
					t.Errorf("origin is %q, want %q", loaded.Origin(o.name), want)
				}
				if len(loaded.Warnings()) > 0 {
					t.Errorf("warnings: %q", loaded.Warnings())
				}
			})
		}
		t.Run("named in the configuration file", func(t *testing.T) {
			file := write(t, "a.yaml", inFile(o.name+fileSuffix, write(t, "secret", value)))
			if got := reveal(t, o, load(t, LoadOptions{File: file, Environment: with()})); got != value {
				t.Errorf("the secret is %q", got)
			}
		})
		t.Run("over a value of a lower layer", func(t *testing.T) {
			file := write(t, "a.yaml", inFile(o.name, "not-this-one"))
			loaded := load(t, LoadOptions{File: file, Environment: with(variable(o.name) + "_FILE=" + write(t, "secret", value))})
			if got := reveal(t, o, loaded); got != value {
				t.Errorf("the secret is %q", got)
			}
		})
		t.Run("below a value of a higher layer", func(t *testing.T) {
			file := write(t, "a.yaml", inFile(o.name+fileSuffix, write(t, "secret", "not-this-one")))
			loaded := load(t, LoadOptions{File: file, Environment: with(variable(o.name) + "=" + value)})
			if got := reveal(t, o, loaded); got != value {
				t.Errorf("the secret is %q", got)
			}
		})
		t.Run("readable by others is a warning", func(t *testing.T) {
			path := write(t, "secret", value)
			if err := os.Chmod(path, 0o444); err != nil {
				t.Fatal(err)
			}
			loaded := load(t, LoadOptions{Environment: with(variable(o.name) + "_FILE=" + path)})
			if len(loaded.Warnings()) != 1 || !strings.Contains(loaded.Warnings()[0], quote(path)) {
				t.Errorf("warnings: %q", loaded.Warnings())
			}
		})
	})
}

func TestSecretFileProblems(t *testing.T) {
	eachSecret(t, func(t *testing.T, o option, value string, with func(...string) []string) {
		for _, test := range []struct{ name, path, want string }{
			{"missing", filepath.Join(t.TempDir(), "nothing"), "does not exist"},
			{"a directory", t.TempDir(), "can't be read"},
			{"empty", write(t, "secret", "\n"), "is empty"},
			{"too large", write(t, "secret", strings.Repeat("x", maxSecretSize+1)), "is larger than"},
			{"no path", "", "names no file"},
		} {
			t.Run(test.name, func(t *testing.T) {
				problems := problemsOf(t, LoadOptions{Environment: with(variable(o.name) + "_FILE=" + test.path)})
				if len(problems) != 1 || problems[0].Setting != o.name || !strings.Contains(problems[0].Message, test.want) {
					t.Errorf("problems: %v", problems)
				}
			})
		}
		t.Run("given twice", func(t *testing.T) {
			problems := problemsOf(t, LoadOptions{Environment: with(variable(o.name)+"="+value, variable(o.name)+"_FILE="+write(t, "secret", value))})
			if len(problems) != 1 || problems[0].Message != "is given twice" {
				t.Errorf("problems: %v", problems)
			}
		})
	})
}

func TestWhiteSpaceWithinSecretFilesStays(t *testing.T) {
	value, _, err := readSecretFile(write(t, "secret", " a\nb \n\n"))
	if err != nil || value.Reveal() != " a\nb \n" {
		t.Errorf("got %q, %v", value.Reveal(), err)
	}
}
