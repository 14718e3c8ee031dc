package secret

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const (
	someSalt = "c29tZXNhbHQ"
	someTag  = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
)

func TestParsePasswordHash(t *testing.T) {
	head, tail := "$argon2id$v=19$", "$"+someSalt+"$"+someTag
	got, err := parsePasswordHash(head + "m=19456,t=2,p=1" + tail)
	if err != nil {
		t.Fatal(err)
	}
	want := PasswordParameters{MemoryKiB: 19456, Iterations: 2, Parallelism: 1}
	if diff := cmp.Diff(want, got.parameters); diff != "" || string(got.salt) != "somesalt" || len(got.tag) != 32 {
		t.Errorf("parsed %+v: %s", got, diff)
	}
	for name, encoded := range map[string]string{
		"empty":                  "",
		"no fields":              "$argon2id",
		"argon2i":                "$argon2i$v=19$m=19456,t=2,p=1" + tail,
		"argon2d":                "$argon2d$v=19$m=19456,t=2,p=1" + tail,
		"bcrypt":                 "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
		"no version":             "$argon2id$m=19456,t=2,p=1" + tail,
		"older version":          "$argon2id$v=16$m=19456,t=2,p=1" + tail,
		"another order":          head + "t=2,m=19456,p=1" + tail,
		"one parameter missing":  head + "m=19456,t=2" + tail,
		"one parameter more":     head + "m=19456,t=2,p=1,keyid=AA" + tail,
		"leading zero":           head + "m=019456,t=2,p=1" + tail,
		"sign":                   head + "m=+19456,t=2,p=1" + tail,
		"space":                  head + "m=19456, t=2,p=1" + tail,
		"hexadecimal":            head + "m=0x4c00,t=2,p=1" + tail,
		"underscore":             head + "m=19_456,t=2,p=1" + tail,
		"100 GiB":                head + "m=104857600,t=2,p=1" + tail,
		"more than 32 bits":      head + "m=4294967297,t=2,p=1" + tail,
		"a billion iterations":   head + "m=19456,t=1000000000,p=1" + tail,
		"too much of both":       head + "m=1048576,t=5,p=1" + tail,
		"too many lanes":         head + "m=19456,t=2,p=17" + tail,
		"lanes of 8 bits more":   head + "m=19456,t=2,p=257" + tail,
		"no memory":              head + "m=0,t=2,p=1" + tail,
		"no iterations":          head + "m=19456,t=0,p=1" + tail,
		"no lanes":               head + "m=19456,t=2,p=0" + tail,
		"too little per lane":    head + "m=15,t=2,p=2" + tail,
		"short salt":             head + "m=19456,t=2,p=1$c29tZXM$" + someTag,
		"long salt":              head + "m=19456,t=2,p=1$" + strings.Repeat("c29t", 22) + "$" + someTag,
		"short tag":              head + "m=19456,t=2,p=1$" + someSalt + "$CTFhFdXPJO1aFaMaO6Mm",
		"no tag":                 head + "m=19456,t=2,p=1$" + someSalt,
		"padding":                head + "m=19456,t=2,p=1$" + someSalt + "=$" + someTag,
		"base64url":              head + "m=19456,t=2,p=1$" + someSalt + "$" + strings.Replace(someTag, "8", "-", 1),
		"line end in the tag":    head + "m=19456,t=2,p=1$" + someSalt + "$" + someTag[:8] + "\n" + someTag[8:],
		"line end after the tag": head + "m=19456,t=2,p=1" + tail + "\n",
		"stray bits in the salt": head + "m=19456,t=2,p=1$c29tZXNhbHR$" + someTag,
		"one field more":         head + "m=19456,t=2,p=1" + tail + "$",
		"something in front":     " " + head + "m=19456,t=2,p=1" + tail,
		"endless":                head + "m=19456,t=2,p=1" + tail + strings.Repeat("A", 1<<20),
	} {
		if parsed, err := parsePasswordHash(encoded); err == nil {
			t.Errorf("%s: parsed as %v", name, parsed)
		}
	}
}

func TestPasswordHashRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := passwordHash{
			parameters: PasswordParameters{
				MemoryKiB:   rapid.Uint32Range(0, maxHashMemoryKiB+10).Draw(t, "memory"),
				Iterations:  rapid.Uint32Range(0, maxHashIterations+2).Draw(t, "iterations"),
				Parallelism: rapid.Uint8Range(0, maxHashLanes+2).Draw(t, "lanes"),
			},
			salt: rapid.SliceOfN(rapid.Byte(), minSaltLength-1, maxSaltLength+1).Draw(t, "salt"),
			tag:  rapid.SliceOfN(rapid.Byte(), minTagLength-1, maxTagLength+1).Draw(t, "tag"),
		}
		got, err := parsePasswordHash(want.String())
		if (err == nil) != want.bounded() {
			t.Fatalf("%s: bounded %t, error %v", want, want.bounded(), err)
		}
		if err == nil && !cmp.Equal(got, want, cmp.AllowUnexported(passwordHash{})) {
			t.Fatalf("%s came back as %s", want, got)
		}
	})
}

func FuzzParsePasswordHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$" + someSalt + "$" + someTag)
	f.Add("$argon2id$v=19$m=104857600,t=2,p=1$" + someSalt + "$" + someTag)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$" + someSalt + "$" + someTag + "\n")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, encoded string) {
		parsed, err := parsePasswordHash(encoded)
		if err != nil {
			if encoded != "" && len(encoded) > 8 && strings.Contains(err.Error(), encoded) {
				t.Errorf("the error quotes the stored hash: %v", err)
			}
			return
		}
		if parsed.String() != encoded {
			t.Errorf("%q is another spelling of %q", encoded, parsed)
		}
		parameters := parsed.parameters
		if parameters.MemoryKiB > maxHashMemoryKiB || uint64(parameters.MemoryKiB)*uint64(parameters.Iterations) > maxHashWork ||
			parameters.Parallelism > maxHashLanes || parameters.Parallelism == 0 || parameters.Iterations == 0 ||
			len(parsed.salt) > maxSaltLength || len(parsed.tag) > maxTagLength {
			t.Errorf("%q is out of bounds", encoded)
		}
	})
}
