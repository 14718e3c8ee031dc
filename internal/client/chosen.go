package client

import (
	"regexp"
	"strings"

	"github.com/google/uuid"

	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
)

// Chosen is what an administrator decides about a new client's credentials, because a
// file or another server has them already. What is left at its zero value is made here.
type Chosen struct {
	ClientID string
	Secret   secret.Redacted
}

// minSecretBytes keeps chosen secrets beyond guessing: they are hashed fast, as made
// ones are, so one that a person thought up would not be safe at rest.
const (
	minSecretBytes = 32
	maxSecretBytes = 255
)

// chosenClientID is narrower than RFC 6749 appendix A.1: one can be put into a path, a
// file and a command line as it is.
var chosenClientID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*$`)

// As gives a prepared client its own credentials. The error is a fault of kind Invalid
// that names the wrong fields.
func (p Prepared) As(chosen Chosen) (Prepared, error) {
	refusal := fault.New(fault.Invalid, "client.invalid")
	if chosen.ClientID != "" && !isChoosable(chosen.ClientID) {
		refusal = refusal.WithField("client_id", "client.id_invalid")
	}
	if !chosen.Secret.IsZero() {
		switch {
		case !p.metadata.hasSecret():
			refusal = refusal.WithField("client_secret", "client.has_no_secret")
		case !isStrongSecret(chosen.Secret):
			refusal = refusal.WithField("client_secret", "client.secret_weak")
		}
	}
	if len(refusal.Fields) > 0 {
		return Prepared{}, refusal
	}
	p.chosen = chosen
	return p, nil
}

// builtInPrefix begins the identifiers of this server's own clients, also of those that a
// later version has.
const builtInPrefix = "authly-"

// isChoosable refuses what could be taken for a subject, which is a UUID (OAuth 2.1
// section 9.5), or for an identifier that was made here.
func isChoosable(clientID string) bool {
	_, err := uuid.Parse(clientID)
	return err != nil && len(clientID) <= maxClientIDBytes && chosenClientID.MatchString(clientID) && !strings.HasPrefix(clientID, builtInPrefix)
}

// isStrongSecret tells whether a secret has the form of RFC 6749 appendix A.2, is long
// enough, and is not one character over and over.
func isStrongSecret(given secret.Redacted) bool {
	text := given.Reveal()
	if len(text) < minSecretBytes || len(text) > maxSecretBytes {
		return false
	}
	seen := map[rune]bool{}
	for _, character := range text {
		if character < 0x20 || character > 0x7e {
			return false
		}
		seen[character] = true
	}
	const enough = 8
	return len(seen) >= enough && strings.TrimSpace(text) == text
}
