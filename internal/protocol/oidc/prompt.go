package oidc

import (
	"slices"
	"strings"

	"authly/internal/protocol/oauth"
)

// Prompt is one value of the prompt parameter (OpenID Connect Core 1.0 section 3.1.2.1).
type Prompt string

// The prompts that are supported.
const (
	PromptNone          Prompt = "none"
	PromptLogin         Prompt = "login"
	PromptConsent       Prompt = "consent"
	PromptSelectAccount Prompt = "select_account"
	PromptCreate        Prompt = "create" // Initiating User Registration via OpenID Connect 1.0
)

// Prompts returns all supported values, as discovery lists them.
func Prompts() []Prompt {
	return []Prompt{PromptNone, PromptLogin, PromptConsent, PromptSelectAccount, PromptCreate}
}

// PromptSet is a list of prompts without duplicates, in the order requested.
type PromptSet []Prompt

// ParsePrompt reads a prompt parameter: values separated by single spaces. The
// empty text is the empty set. Unknown values, and "none" together with another,
// are refused with invalid_request.
func ParsePrompt(value string) (PromptSet, error) {
	if value == "" {
		return nil, nil
	}
	if len(value) > maxPromptBytes {
		return nil, oauth.Refuse(oauth.InvalidRequest, "prompt is too long")
	}
	var set PromptSet
	for name := range strings.SplitSeq(value, " ") {
		prompt := Prompt(name)
		if !slices.Contains(Prompts(), prompt) {
			return nil, oauth.Refuse(oauth.InvalidRequest, "prompt has a value that is not supported")
		}
		if !set.Has(prompt) {
			set = append(set, prompt)
		}
	}
	if set.Has(PromptNone) && len(set) > 1 {
		return nil, oauth.Refuse(oauth.InvalidRequest, "prompt must not have none together with other values")
	}
	return set, nil
}

const maxPromptBytes = 256

// Has reports whether the set has a prompt.
func (s PromptSet) Has(prompt Prompt) bool { return slices.Contains(s, prompt) }

// String returns the prompts separated by spaces, as they travel.
func (s PromptSet) String() string {
	names := make([]string, len(s))
	for i, prompt := range s {
		names[i] = string(prompt)
	}
	return strings.Join(names, " ")
}
