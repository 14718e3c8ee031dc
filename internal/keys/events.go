package keys

import "authly/internal/audit"

// event returns an audit event about the key.
func (k Key) event(action audit.Action, by audit.Author, details audit.Details) audit.Event {
	return audit.Event{
		Action: action, Outcome: audit.Success, Actor: by.Actor, ClientID: by.ClientID,
		Target: audit.Target{Kind: "key", ID: k.ID, Name: string(k.Algorithm)}, Details: details,
	}
}

// event returns the audit event about the key that is now active.
func (p promotion) event(by audit.Author, reason string) audit.Event {
	return p.to.event(audit.KeyRotate, by, audit.Details{
		Reason: reason, Changes: []audit.Change{{Field: "active", Before: p.from.ID, After: p.to.ID}},
	})
}
