package audit

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"authly/internal/platform/secret"
)

// The placeholders of a personal value.
const (
	// Erased is read where the key of the person is destroyed because the account was deleted.
	Erased = "(erased)"
	// Sealed is stored where the value is sealed, and read by a [Log] without a sealer.
	Sealed = "(sealed)"
)

// personal holds the values of one person in one event. A member must never be renamed: stored
// events have it.
type personal struct {
	ActorName  string   `json:"actor_name,omitempty"`
	TargetName string   `json:"target_name,omitempty"`
	Address    string   `json:"address,omitempty"`
	Changes    []Change `json:"changes,omitempty"`
}

// owners are the subjects who own the personal values of an event; "" for no person.
type owners struct{ actor, target, address string }

// ownersOf returns the owners of the values of an event. Identifiers have no owner: they stay, so
// that the log can be searched by them, and reveal nothing about a person whose account is deleted.
//
// The address is that of the actor, and if the actor is unknown that of the account that
// was tried: most mistyped passwords come from its owner. A client acting for a person does so from
// the person's device as often as from a server, so its address is the person's. Names of clients are not personal.
func ownersOf(event Event) owners {
	var of owners
	if event.Actor.Kind == User {
		of.actor = event.Actor.ID
	}
	if of.target = event.Details.Subject; event.Target.Kind == "user" {
		of.target = event.Target.ID
	}
	switch of.address = of.actor; event.Actor.Kind {
	case Unknown:
		of.address = of.target
	case Client:
		of.address = event.Details.Subject
	case User, Operator, Server:
	}
	return of
}

// split takes the personal values out of an event and puts mark in their places.
// Booleans and numbers of changes stay, as they say what was allowed and not who it was.
func split(event Event, mark string) (Event, map[string]*personal) {
	of, parts := ownersOf(event), map[string]*personal{}
	part := func(owner string) *personal {
		if parts[owner] == nil {
			parts[owner] = &personal{}
		}
		return parts[owner]
	}
	if of.actor != "" && event.Actor.Name != "" {
		part(of.actor).ActorName, event.Actor.Name = event.Actor.Name, mark
	}
	if of.address != "" && event.Origin.Address != "" {
		part(of.address).Address, event.Origin.Address = event.Origin.Address, mark
	}
	if of.target == "" {
		return event, parts
	}
	if event.Target.Kind == "user" && event.Target.Name != "" {
		part(of.target).TargetName, event.Target.Name = event.Target.Name, mark
	}
	if changes, found := masked(event.Details.Changes, mark); found {
		part(of.target).Changes, event.Details.Changes = event.Details.Changes, changes
	}
	return event, parts
}

// masked returns changes without their texts, and whether there were any.
func masked(changes []Change, mark string) (without []Change, changed bool) {
	without = make([]Change, len(changes))
	for i, each := range changes {
		for _, value := range []*any{&each.Before, &each.After} {
			switch (*value).(type) {
			case nil, bool, int, int64, float64:
			default:
				*value, changed = mark, true
			}
		}
		without[i] = each
	}
	return without, changed
}

// seal returns events in their stored form, each personal value under the key of its person. Without
// a key, because the account is deleted or never existed, the value is left out.
func (l *Log) seal(ctx context.Context, events []Event) ([]stored, error) {
	parts := make([]map[string]*personal, len(events))
	clear := make([]Event, len(events))
	var people []uuid.UUID
	for i, event := range events {
		clear[i], parts[i] = split(event, Sealed)
		for owner := range parts[i] {
			if person, err := uuid.Parse(owner); err == nil {
				people = append(people, person)
			}
		}
	}
	keys, err := l.keysFor(ctx, people)
	if err != nil {
		return nil, err
	}
	written := make([]stored, len(events))
	for i := range events {
		if written[i], err = sealOne(clear[i], parts[i], keys); err != nil {
			return nil, err
		}
	}
	return written, nil
}

func sealOne(event Event, parts map[string]*personal, keys map[uuid.UUID]*secret.Sealer) (stored, error) {
	sealed := make(map[string]string, len(parts))
	for owner, part := range parts {
		person, _ := uuid.Parse(owner)
		key, ok := keys[person]
		if !ok {
			replaceMarks(&event, owner, &personal{})
			continue
		}
		plain, err := json.Marshal(part)
		if err != nil {
			return stored{}, fmt.Errorf("encode what is personal: %w", err)
		}
		value, err := key.Seal(placeOfPersonal(event.ID), plain)
		if err != nil {
			return stored{}, fmt.Errorf("seal what is personal: %w", err)
		}
		sealed[owner] = base64.RawStdEncoding.EncodeToString(value)
	}
	written := stored{Event: event}
	details, err := json.Marshal(event.Details)
	if err != nil {
		return stored{}, fmt.Errorf("encode details: %w", err)
	}
	written.details = string(details)
	if len(sealed) > 0 {
		text, err := json.Marshal(sealed)
		if err != nil {
			return stored{}, fmt.Errorf("encode what is sealed: %w", err)
		}
		written.personal = string(text)
	}
	return written, nil
}

// opened returns stored events with those personal values whose keys exist.
func (l *Log) opened(ctx context.Context, read []stored) ([]Event, error) {
	events, parts := make([]Event, len(read)), make([]map[string]string, len(read))
	var people []uuid.UUID
	for i, row := range read {
		if err := json.Unmarshal([]byte(row.details), &row.Details); err != nil {
			row.Details = Details{Note: "unreadable"} // it was changed, which Verify reports
		}
		events[i] = row.Event
		if row.personal == "" {
			continue
		}
		if err := json.Unmarshal([]byte(row.personal), &parts[i]); err != nil {
			events[i].Details.Note = "unreadable"
		}
		for owner := range parts[i] {
			if person, err := uuid.Parse(owner); err == nil {
				people = append(people, person)
			}
		}
	}
	if l.people.sealer == nil {
		return events, nil
	}
	keys, err := l.storedKeys(ctx, people)
	if err != nil {
		return nil, err
	}
	for i := range events {
		for owner, sealed := range parts[i] {
			openOne(&events[i], owner, sealed, keys)
		}
	}
	return events, nil
}

// openOne puts the values of one person back into an event.
func openOne(event *Event, owner, sealed string, keys map[uuid.UUID]*secret.Sealer) {
	person, err := uuid.Parse(owner)
	key, ok := keys[person]
	if err != nil || !ok {
		replaceMarks(event, owner, &personal{})
		return
	}
	var part personal
	value, err := base64.RawStdEncoding.DecodeString(sealed)
	if err == nil {
		value, err = key.Open(placeOfPersonal(event.ID), value)
	}
	if err == nil {
		err = json.Unmarshal(value, &part)
	}
	if err != nil {
		event.Details.Note = "unreadable" // it was changed, which Verify reports
		return
	}
	replaceMarks(event, owner, &part)
}

// replaceMarks puts the values of a person in the place of their marks, and [Erased] if there
// are none.
func replaceMarks(event *Event, owner string, part *personal) {
	of := ownersOf(*event)
	replace := func(place *string, isOwner bool, value string) {
		if isOwner && *place == Sealed {
			if *place = value; value == "" {
				*place = Erased
			}
		}
	}
	replace(&event.Actor.Name, of.actor == owner, part.ActorName)
	replace(&event.Origin.Address, of.address == owner, part.Address)
	replace(&event.Target.Name, of.target == owner && event.Target.Kind == "user", part.TargetName)
	switch {
	case of.target != owner:
	case part.Changes != nil:
		event.Details.Changes = part.Changes
	default:
		event.Details.Changes, _ = masked(event.Details.Changes, Erased)
		if len(event.Details.Changes) == 0 {
			event.Details.Changes = nil
		}
	}
}

func placeOfPersonal(event uuid.UUID) secret.Place {
	return secret.Place{Table: "audit_events", Column: "personal", Row: event.String()}
}
