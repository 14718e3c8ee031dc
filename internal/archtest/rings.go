package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A ring is a kind of package with its own rule about what it may import.
type ring string

const (
	facade    ring = "the facade" // the module's root
	command   ring = "a command"
	app       ring = "app"
	config    ring = "config"
	cli       ring = "cli"
	buildinfo ring = "buildinfo"
	feature   ring = "a feature"
	platform  ring = "platform"
	// platformHelper is a package like platform/db/dbtest, for tests.
	platformHelper ring = "a platform test helper"
	protocol       ring = "protocol"
	helper         ring = "a test helper"
	trial          ring = "a test package" // test/…
)

// ringOf returns the ring of a directory and, for a feature, its name.
func ringOf(dir string) (kind ring, name string) {
	parts := strings.Split(dir, "/")
	switch {
	case dir == ".":
		return facade, ""
	case parts[0] == "cmd":
		return command, ""
	case parts[0] != "internal" || len(parts) == 1:
		return trial, ""
	}
	switch parts[1] {
	case "app", "config", "cli", "buildinfo":
		return ring(parts[1]), ""
	case "protocol":
		return protocol, ""
	case "platform":
		if strings.HasSuffix(path.Base(dir), "test") {
			return platformHelper, ""
		}
		return platform, ""
	case "testx", "archtest":
		return helper, ""
	}
	return feature, parts[1]
}

// mayImport says which rings a ring's code may use.
var mayImport = map[ring][]ring{
	protocol:       {protocol},
	buildinfo:      {},
	platform:       {platform, protocol, buildinfo},
	platformHelper: {platform, platformHelper, protocol, helper},
	feature:        {feature, platform, protocol, buildinfo},
	config:         {platform, protocol, buildinfo},
	app:            {feature, platform, protocol, config, buildinfo},
	facade:         {app, config, platform, protocol, buildinfo},
	cli:            {cli, facade, config, platform, protocol, buildinfo},
	command:        {cli, facade, app, config, buildinfo},
}

// testMayImport says the same of the rings whose tests are bound too: a test of
// the lower rings that needs a feature tests the wrong thing. Tests of the
// others, and packages that are only for tests, may use everything.
var testMayImport = map[ring][]ring{
	protocol:       {protocol, helper},
	platform:       {platform, platformHelper, protocol, helper},
	platformHelper: {platform, platformHelper, protocol, helper},
}

// checkRings holds the one direction of the rings (architecture 1).
func checkRings(t *tree) []violation {
	var found []violation
	for _, s := range t.sources {
		from, _ := ringOf(s.dir)
		allowed, bound := mayImport[from]
		if s.test {
			allowed, bound = testMayImport[from]
		}
		if !bound {
			continue
		}
		for _, spec := range s.syntax.Imports {
			dir, ours := t.inside(pathOf(spec))
			if !ours {
				continue
			}
			if to, _ := ringOf(dir); !slices.Contains(allowed, to) {
				found = append(found, violation{
					rule: "ring-direction", path: s.path, line: s.line(spec), subject: s.dir + " " + dir,
					message: fmt.Sprintf("%s does not import %s (%s)", from, to, pathOf(spec)),
				})
			}
		}
	}
	return found
}

// checkLayers holds the layers inside a feature, which are file names: HTTP in
// *_http.go, the database in *_store.go, and module.go puts them together.
func checkLayers(t *tree) []violation {
	var found []violation
	for _, s := range t.sources {
		if kind, _ := ringOf(s.dir); kind != feature || s.test {
			continue
		}
		for _, spec := range s.syntax.Imports {
			imported := pathOf(spec)
			report := func(rule, message string) {
				found = append(found, violation{
					rule: rule, path: s.path, line: s.line(spec), subject: s.path + " " + imported, message: message,
				})
			}
			switch {
			case within(imported, "net/http"):
				if !strings.HasSuffix(s.base, "_http.go") {
					report("http-layer", imported+" is for a feature's *_http.go")
				}
			case imported == t.module+"/internal/platform/db":
				if !strings.HasSuffix(s.base, "_store.go") && s.base != "module.go" {
					report("store-layer", imported+" is for a feature's *_store.go and module.go")
				}
			}
		}
	}
	return found
}

// pure is what protocol packages may import beside each other: nothing that
// can wait, look at a clock, or touch anything outside of the process. The
// types of net/netip and net/url only parse.
var pure = []string{
	"bytes", "cmp", "context", "embed", "encoding", "errors", "fmt", "hash", "html", "io", "iter", "maps", "math",
	"math/big", "math/bits", "mime", "net/netip", "net/url", "path", "reflect", "regexp", "slices", "sort",
	"strconv", "strings", "time", "unicode", "unicode/utf16", "unicode/utf8", "unique",

	"crypto", "crypto/ecdsa", "crypto/ed25519", "crypto/elliptic", "crypto/hkdf", "crypto/hmac", "crypto/rsa",
	"crypto/sha256", "crypto/sha512", "crypto/subtle", "crypto/x509",
	"encoding/asn1", "encoding/base32", "encoding/base64", "encoding/binary", "encoding/hex", "encoding/json",
	"encoding/pem",
}

// pureModules are other makers' packages that compute and nothing else.
var pureModules = []string{"github.com/go-jose/go-jose/v4", "golang.org/x/text"}

// checkPurity holds that protocol packages have no I/O. Reading the clock is
// checkClock's.
func checkPurity(t *tree) []violation {
	var found []violation
	for _, s := range t.sources {
		if kind, _ := ringOf(s.dir); kind != protocol || s.test {
			continue
		}
		for _, spec := range s.syntax.Imports {
			imported := pathOf(spec)
			if _, ours := t.inside(imported); ours || slices.Contains(pure, imported) ||
				slices.ContainsFunc(pureModules, func(module string) bool { return within(imported, module) }) {
				continue
			}
			found = append(found, violation{
				rule: "protocol-purity", path: s.path, line: s.line(spec), subject: s.dir + " " + imported,
				message: imported + " is not on the list of what a pure package imports",
			})
		}
	}
	return found
}

func within(importPath, parent string) bool {
	return importPath == parent || strings.HasPrefix(importPath, parent+"/")
}
