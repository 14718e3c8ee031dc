package client

import (
	"maps"
	"reflect"
	"slices"

	"authly/internal/protocol/oauth"
)

// Settled is what an administrator has set of the record of a client that registered itself:
// the names of the members, as the administration has them, and for a list from what the client may
// choose. The client's own update (RFC 7592 section 2.2) changes nothing else of them.
type Settled map[string][]string

// Has reports whether an administrator has set a member.
func (s Settled) Has(member string) bool {
	_, has := s[member]
	return has
}

// Members returns the names in alphabetical order.
func (s Settled) Members() []string { return slices.Sorted(maps.Keys(s)) }

func (s Settled) stored() map[string][]string {
	if s == nil {
		return map[string][]string{}
	}
	return s
}

// choice is a list of permissions: from what an administrator has set the client may
// choose. Every other member keeps the administrator's value.
type choice string

const (
	noChoice choice = ""
	someOf   choice = "some" // a client that chooses nothing keeps all
	anyOf    choice = "any"  // a client may choose nothing
)

// choiceOf returns what a client may choose of a member that an administrator has set.
func choiceOf(member string) choice {
	switch member {
	case "redirect_uris", "grant_types", "response_types", "response_modes", "scopes":
		return someOf
	case "post_logout_redirect_uris", "request_uris", "resources", "protected_resources":
		return anyOf
	default:
		return noChoice
	}
}

// SetTo returns the client as an administrator changes it: named are the members that the change names, which
// count as set also where they stay as they were. Only of a client that registered itself is it noted which members were set,
// since no other client can change its own record.
func (c Client) SetTo(wanted Metadata, named ...string) Client {
	settled := maps.Clone(c.Settled)
	if settled == nil {
		settled = Settled{}
	}
	for member := range Members() {
		if member.isSame(&c.Metadata, &wanted) && !slices.Contains(named, member.Name) {
			continue
		}
		settled[member.Name] = nil
		if choiceOf(member.Name) != noChoice {
			settled[member.Name] = texts(member.Of(&wanted))
		}
	}
	c.Metadata = wanted
	if c.RegisteredBy == ByClient {
		c.Settled = settled
	}
	return c
}

// Within returns what the client's own update can make of its record: of what it wants, that
// which an administrator has left to it.
func (c Client) Within(wanted Metadata) Metadata {
	for member := range Members() {
		left, settled := c.Settled[member.Name]
		if !settled {
			continue
		}
		may := choiceOf(member.Name)
		if may == noChoice {
			member.copy(&wanted, &c.Metadata)
			continue
		}
		chosen := slices.DeleteFunc(texts(member.Of(&wanted)), func(entry string) bool { return !slices.Contains(left, entry) })
		if may == someOf && len(chosen) == 0 {
			chosen = left
		}
		setTexts(member.Of(&wanted), chosen)
	}
	if !wanted.MayUse(oauth.AuthorizationCode) {
		wanted.ResponseTypes = nil // there is none without that grant
	}
	return wanted
}

// texts returns a copy of a list, given a pointer to it.
func texts(list any) []string {
	from := reflect.ValueOf(list).Elem()
	copied := make([]string, from.Len())
	for i := range copied {
		copied[i] = from.Index(i).String()
	}
	return copied
}

// setTexts is the reverse of texts.
func setTexts(list any, values []string) {
	into := reflect.ValueOf(list).Elem()
	made := reflect.MakeSlice(into.Type(), len(values), len(values))
	for i, value := range values {
		made.Index(i).SetString(value)
	}
	into.Set(made)
}
