package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"authly/internal/platform/secret"
)

func newSealer(t testing.TB, keys ...secret.Redacted) *secret.Sealer {
	t.Helper()
	created, err := secret.NewSealer(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

var keyPlace = secret.Place{Table: "signing_keys", Column: "sealed_key", Row: "0198d5b0-0000-7000-8000-000000000001"}

func TestSealedValueOpensInItsPlaceOnly(t *testing.T) {
	sealer := newSealer(t, secret.NewSealingKey())
	field := rapid.StringN(1, 20, 60)
	rapid.Check(t, func(t *rapid.T) {
		plaintext := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "plaintext")
		place := secret.Place{Table: field.Draw(t, "table"), Column: field.Draw(t, "column"), Row: field.Draw(t, "row")}
		other := secret.Place{Table: field.Draw(t, "other table"), Column: field.Draw(t, "other column"), Row: field.Draw(t, "other row")}
		sealed, err := sealer.Seal(place, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		if len(plaintext) >= 8 && bytes.Contains(sealed, plaintext) {
			t.Fatal("the sealed value contains the plaintext")
		}
		opened, err := sealer.Open(place, sealed)
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatalf("opened %x, %v", opened, err)
		}
		if other != place {
			if _, err := sealer.Open(other, sealed); !errors.Is(err, secret.ErrNotSealedHere) {
				t.Fatalf("in another place: %v", err)
			}
		}
	})
}

func TestSealedValueIsBoundToEachPartOfItsPlace(t *testing.T) {
	sealer := newSealer(t, secret.NewSealingKey())
	sealed, err := sealer.Seal(keyPlace, []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	for name, place := range map[string]secret.Place{
		"table":          {Table: "sealed_secrets", Column: keyPlace.Column, Row: keyPlace.Row},
		"column":         {Table: keyPlace.Table, Column: "other", Row: keyPlace.Row},
		"row":            {Table: keyPlace.Table, Column: keyPlace.Column, Row: keyPlace.Row + "0"},
		"moved boundary": {Table: keyPlace.Table + keyPlace.Column[:1], Column: keyPlace.Column[1:], Row: keyPlace.Row},
	} {
		if _, err := sealer.Open(place, sealed); !errors.Is(err, secret.ErrNotSealedHere) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	for name, place := range map[string]secret.Place{
		"no table":  {Column: "c", Row: "r"},
		"no column": {Table: "t", Row: "r"},
		"no row":    {Table: "t", Column: "c"},
	} {
		if _, err := sealer.Seal(place, nil); err == nil {
			t.Errorf("%s: sealed", name)
		}
		if _, err := sealer.Open(place, sealed); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

func TestAlteredSealedValueDoesNotOpen(t *testing.T) {
	sealer := newSealer(t, secret.NewSealingKey())
	sealed, err := sealer.Seal(keyPlace, []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		for bit := range 8 {
			altered := bytes.Clone(sealed)
			altered[i] ^= 1 << bit
			if _, err := sealer.Open(keyPlace, altered); err == nil {
				t.Errorf("opened with bit %d of byte %d changed", bit, i)
			}
		}
	}
	for length := range sealed {
		if _, err := sealer.Open(keyPlace, sealed[:length]); err == nil {
			t.Errorf("opened when cut to %d bytes", length)
		}
	}
	if _, err := sealer.Open(keyPlace, append(bytes.Clone(sealed), 0)); err == nil {
		t.Error("opened with a byte more")
	}
}

func TestSealingTheSameTwiceDiffers(t *testing.T) {
	sealer := newSealer(t, secret.NewSealingKey())
	first, _ := sealer.Seal(keyPlace, []byte("plain"))
	second, _ := sealer.Seal(keyPlace, []byte("plain"))
	if bytes.Equal(first, second) {
		t.Error("the nonce is not random")
	}
}

func TestSealingKeysRotate(t *testing.T) {
	older, newer := secret.NewSealingKey(), secret.NewSealingKey()
	before, during, after := newSealer(t, older), newSealer(t, newer, older), newSealer(t, newer)
	old, err := before.Seal(keyPlace, []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := during.Open(keyPlace, old); err != nil || string(opened) != "plain" {
		t.Errorf("the older key does not open: %v", err)
	}
	if during.IsCurrent(old) || !before.IsCurrent(old) || before.IsCurrent(nil) {
		t.Error("IsCurrent does not know the sealing key")
	}
	fresh, err := during.Seal(keyPlace, []byte("plain"))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := after.Open(keyPlace, fresh); err != nil || string(opened) != "plain" {
		t.Errorf("the first key did not seal: %v", err)
	}
	if _, err := after.Open(keyPlace, old); !errors.Is(err, secret.ErrUnknownSealingKey) {
		t.Errorf("without the older key: %v", err)
	}
	if _, err := secret.NewSealer(older, older); err == nil {
		t.Error("the same key twice is no mistake")
	}
	if _, err := secret.NewSealer(); err == nil {
		t.Error("a sealer without keys")
	}
}

func TestSealerErrorsTellNothing(t *testing.T) {
	key := secret.NewSealingKey()
	sealer := newSealer(t, key)
	if _, err := sealer.Seal(keyPlace, bytes.Repeat([]byte(hidden), secret.MaxSealedPlaintext)); err == nil {
		t.Error("sealed more than the bound")
	} else {
		assertHidden(t, "the error of Seal", err.Error())
	}
	if _, err := sealer.Open(keyPlace, []byte(hidden)); err == nil {
		t.Error("opened what was never sealed")
	} else {
		assertHidden(t, "the error of Open", err.Error())
	}
	if _, err := secret.NewSealer(key, secret.FromString(hidden)); err == nil {
		t.Error("accepted a key that is none")
	} else {
		assertHidden(t, "the error of NewSealer", err.Error())
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%x", "%d"} {
		if text := fmt.Sprintf(format, sealer); text != "[redacted]" {
			t.Errorf("%s of a sealer is %s", format, text)
		}
	}
}

func TestParseSealingKey(t *testing.T) {
	want := [32]byte{}
	for i := range want {
		want[i] = byte(i*7 + 250)
	}
	good := map[string]string{
		"base64":                 base64.StdEncoding.EncodeToString(want[:]),
		"base64 without padding": base64.RawStdEncoding.EncodeToString(want[:]),
		"base64url":              base64.URLEncoding.EncodeToString(want[:]),
		"base64url no padding":   base64.RawURLEncoding.EncodeToString(want[:]),
		"hexadecimal":            hex.EncodeToString(want[:]),
		"with a line end":        base64.StdEncoding.EncodeToString(want[:]) + "\r\n",
	}
	for name, text := range good {
		if got, err := secret.ParseSealingKey(secret.FromString(text)); err != nil || got != want {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
	encoded := good["base64 without padding"]
	for name, text := range map[string]string{
		"empty":           "",
		"short":           base64.StdEncoding.EncodeToString(want[:31]),
		"long":            base64.StdEncoding.EncodeToString(append(want[:], 1)),
		"short hex":       hex.EncodeToString(want[:31]),
		"not hex":         "zz" + hex.EncodeToString(want[1:]),
		"zeros":           hex.EncodeToString(make([]byte, 32)),
		"a pattern":       hex.EncodeToString(bytes.Repeat([]byte("abcd"), 8)),
		"inner line end":  encoded[:20] + "\n" + encoded[20:],
		"too much pad":    encoded + "==",
		"trailing bits":   encoded[:42] + "B",
		"the text itself": hidden,
	} {
		_, err := secret.ParseSealingKey(secret.FromString(text))
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			assertHidden(t, name, err.Error())
		}
	}
	if _, err := secret.ParseSealingKey(secret.NewSealingKey()); err != nil {
		t.Errorf("a new key is refused: %v", err)
	}
}
