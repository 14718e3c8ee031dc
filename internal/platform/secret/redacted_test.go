package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"authly/internal/platform/secret"
)

// hidden is a text that appears nowhere by chance, in any encoding that the
// checks look for.
const hidden = "hunter2-correct-horse"

type exported struct{ Key secret.Redacted }

type unexported struct{ key secret.Redacted }

type embedded struct{ secret.Redacted }

type deep struct {
	list  []secret.Redacted
	table map[string]secret.Redacted
	point *secret.Redacted
	any   any
}

func carriers() map[string]any {
	key := secret.FromString(hidden)
	return map[string]any{
		"value":              key,
		"pointer":            &key,
		"exported field":     exported{key},
		"unexported field":   unexported{key},
		"pointer to struct":  &unexported{key},
		"embedded":           embedded{key},
		"pointer embedded":   &embedded{key},
		"slice":              []secret.Redacted{key},
		"map":                map[string]secret.Redacted{"k": key},
		"deep":               deep{[]secret.Redacted{key}, map[string]secret.Redacted{"k": key}, &key, key},
		"array of interface": [2]any{key, unexported{key}},
	}
}

// assertHidden fails if text gives the secret away, plainly or in an encoding
// that fmt or a marshaller may choose.
func assertHidden(t *testing.T, what, text string) {
	t.Helper()
	lower := strings.ToLower(text)
	for _, form := range []string{
		hidden,
		fmt.Sprintf("%x", hidden),
		fmt.Sprintf("% x", hidden),
		// As base64, as %v of bytes, and in the Go syntax of bytes.
		"aHVudGVyMi1jb3JyZWN0LWhvcnNl",
		strings.Trim(fmt.Sprint([]byte(hidden)), "[]"),
		strings.TrimSuffix(fmt.Sprintf("%#v", []byte(hidden)[:4]), "}")[7:],
	} {
		if strings.Contains(lower, strings.ToLower(form)) {
			t.Errorf("%s gives the secret away: %s", what, text)
		}
	}
}

func TestRedactedIsNotFormatted(t *testing.T) {
	for name, carrier := range carriers() {
		for verb := rune(' '); verb < 0x7f; verb++ {
			for _, flags := range []string{"", "+", "#", "-", " ", "0", "+#", "# ", "40", ".3", "-40.10"} {
				format := "%" + flags + string(verb)
				assertHidden(t, name+" with "+format, fmt.Sprintf(format, carrier))
			}
		}
		assertHidden(t, name+" as an extra operand", fmt.Sprintf(strings.Clone("no verb"), carrier))
		assertHidden(t, name+" as a width", fmt.Sprintf(strings.Clone("%*d"), carrier, 1))
		assertHidden(t, name+" with Sprint", fmt.Sprint(carrier))
		assertHidden(t, name+" with Sprintln", fmt.Sprintln(carrier, carrier))
		assertHidden(t, name+" with Append", string(fmt.Append(nil, carrier)))
	}
}

func TestRedactedIsNotInErrors(t *testing.T) {
	for name, carrier := range carriers() {
		wrapped := fmt.Errorf("sign in with %v: %w", carrier, errors.New("refused"))
		assertHidden(t, name, wrapped.Error())
		assertHidden(t, name+" joined", errors.Join(wrapped, wrapped).Error())
	}
}

func TestRedactedIsNotMarshalled(t *testing.T) {
	for name, carrier := range carriers() {
		if text, err := json.Marshal(carrier); err == nil {
			assertHidden(t, name+" as JSON", string(text))
		}
		if text, err := xml.Marshal(carrier); err == nil {
			assertHidden(t, name+" as XML", string(text))
		}
	}
	text, err := json.Marshal(exported{secret.FromString(hidden)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(text), `{"Key":"[redacted]"}`; got != want {
		t.Errorf("JSON of a struct field = %s, want %s", got, want)
	}
	if text, err = json.Marshal(map[string]any{"token": secret.FromString(hidden)}); err != nil || string(text) != `{"token":"[redacted]"}` {
		t.Errorf("JSON of a map value = %s, %v", text, err)
	}
}

func TestRedactedIsNotLogged(t *testing.T) {
	handlers := map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	}
	for handlerName, handler := range handlers {
		for name, carrier := range carriers() {
			var output bytes.Buffer
			logger := slog.New(handler(&output))
			logger.With("with", carrier).WithGroup("group").Info("message",
				"carrier", carrier, slog.Group("inner", "carrier", carrier), "err", fmt.Errorf("failed: %v", carrier))
			if output.Len() == 0 {
				t.Fatal("nothing was logged")
			}
			assertHidden(t, name+" in a "+handlerName+" log", output.String())
		}
	}
}

func TestRedactedIsNotInPanics(t *testing.T) {
	// The runtime prints a panic's value with Error or String when it has one.
	value, ok := any(secret.FromString(hidden)).(fmt.Stringer)
	if !ok {
		t.Fatal("Redacted is not a Stringer")
	}
	assertHidden(t, "String", value.String())
}

func TestRedactedCannotBeComparedByAddress(t *testing.T) {
	if reflect.TypeFor[secret.Redacted]().Comparable() {
		t.Error("Redacted can be compared with ==, which would compare addresses and not in constant time")
	}
}

func TestRedactedValue(t *testing.T) {
	var zero secret.Redacted
	if !zero.IsZero() || zero.Reveal() != "" || !secret.FromString("").IsZero() {
		t.Error("the zero value is not the empty secret")
	}
	if !zero.Equal(secret.FromString("")) || zero.Equal(secret.FromString("a")) || secret.FromString("a").Equal(zero) {
		t.Error("the empty secret does not compare as the empty text")
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		first, second := secret.FromString(a), secret.FromString(b)
		if first.Reveal() != a || first.IsZero() != (a == "") {
			t.Fatalf("FromString(%q) holds %q", a, first.Reveal())
		}
		if first.Equal(second) != (a == b) || !first.Equal(secret.FromString(strings.Clone(a))) {
			t.Fatalf("Equal(%q, %q) is wrong", a, b)
		}
		if !cmp.Equal(first, secret.FromString(strings.Clone(a))) {
			t.Fatal("go-cmp does not use Equal")
		}
	})
}

func TestNewIsRandom(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		created := secret.New().Reveal()
		if len(created) != 43 || strings.Trim(created, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("%q is not 43 characters of base64url", created)
		}
		if seen[created] {
			t.Fatal("two secrets are the same")
		}
		seen[created] = true
	}
}

func TestHash(t *testing.T) {
	// FIPS 180-4, the one-block example message "abc".
	got := secret.Hash(secret.FromString("abc"))
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if fmt.Sprintf("%x", got.Bytes()) != want {
		t.Errorf("Hash(abc) = %x", got.Bytes())
	}
	if !got.Equal(secret.Hash(secret.FromString("abc"))) || got.Equal(secret.Hash(secret.FromString("abd"))) {
		t.Error("Equal does not compare digests")
	}
}

func TestDerive(t *testing.T) {
	key, predecessor := secret.New(), secret.New()
	derived := secret.Derive(key, "refresh token", predecessor)
	if len(derived.Reveal()) != 43 {
		t.Errorf("derived secret has %d characters", len(derived.Reveal()))
	}
	if !derived.Equal(secret.Derive(key, "refresh token", predecessor)) {
		t.Error("the same inputs give different secrets")
	}
	others := map[string]secret.Redacted{
		"key":         secret.Derive(secret.New(), "refresh token", predecessor),
		"purpose":     secret.Derive(key, "form token", predecessor),
		"predecessor": secret.Derive(key, "refresh token", secret.New()),
		"boundary":    secret.Derive(key, "refresh token"+predecessor.Reveal()[:1], secret.FromString(predecessor.Reveal()[1:])),
	}
	for name, other := range others {
		if derived.Equal(other) {
			t.Errorf("another %s gives the same secret", name)
		}
	}
}
