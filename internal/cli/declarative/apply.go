package declarative

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"authly/internal/cli/remote"
)

// errNotItsOwn is returned for a record that is to be deleted and follows another file by now.
var errNotItsOwn = errors.New("it does not follow this file any more")

// Unseen is a record that began with something that the server made and nobody has seen: a client
// with its secret, or a user with an invitation.
type Unseen struct {
	Kind, Key string
	// Administers tells whether the record is of somebody who may administer the server.
	Administers bool
}

// Apply does what a plan says, one record after the other, and tells told what was done. It
// stops at the first step that can't be done: what was done before it stays, and the
// next plan has the rest. A [remote.Problem] with status 412 says that somebody has changed a
// record since the plan was made.
//
// What a document refers to no secret for begins with something that the server made. It is not
// answered: whoever applies a document often keeps what is written. It has to be replaced
// to be of use.
func Apply(ctx context.Context, api API, plan Plan, told func(Step)) (unseen []Unseen, err error) {
	for _, step := range plan.Steps {
		switch step.Action {
		case Create:
			var hasUnseen bool
			if hasUnseen, err = step.create(ctx, api); hasUnseen {
				unseen = append(unseen, Unseen{step.Kind, step.Key, step.wanted.fields[administratorField] == true})
			}
		case Change:
			err = step.change(ctx, api)
		case Delete:
			err = step.remove(ctx, api)
		case Leave, Abandon:
			continue
		}
		if err != nil {
			return unseen, fmt.Errorf("%s the %s %s: %w", step.Action, step.Kind, step.Key, err)
		}
		told(step)
	}
	return unseen, nil
}

func (s Step) path(parts ...string) string {
	return remote.Join(append([]string{s.of.member, s.id}, parts...)...)
}

// create tells whether the server made something that nobody has seen.
func (s Step) create(ctx context.Context, api API) (hasUnseen bool, err error) {
	body := maps.Clone(s.send)
	body[s.of.key] = s.Key
	turnsOff := s.wanted.state == disabled
	switch {
	case !s.secret.IsZero():
		body[s.of.secret] = s.secret.Reveal()
		if turnsOff && s.of.create.has(stateField) {
			body[stateField], turnsOff = disabled, false
		}
	case s.of.begins != "": // which nobody has who is disabled from the start
		body[s.of.begins] = true
	}
	request := remote.Request{Method: http.MethodPost, Path: remote.Join(s.of.member), Scope: s.of.scopeToWrite(), Body: body, Once: true}
	answer, err := api.Do(ctx, request)
	if err != nil {
		return false, err
	}
	made := map[string]any{}
	if err := answer.Into(&made); err != nil {
		return false, err
	}
	s.id, _ = made[s.of.id].(string)
	s.etag = answer.ETag
	if s.secret.IsZero() && s.of.unseen != "" {
		_, hasUnseen = made[s.of.unseen]
	}
	if turnsOff {
		return hasUnseen && s.of.begins == "", s.turn(ctx, api) // an invitation ends with that
	}
	return hasUnseen, nil
}

func (s Step) change(ctx context.Context, api API) error {
	if len(s.send) > 0 {
		request := remote.Request{Method: http.MethodPatch, Path: s.path(), Scope: s.of.scopeToWrite(), Body: s.send, IfMatch: s.etag}
		answer, err := api.Do(ctx, request)
		if err != nil {
			return err
		}
		s.etag = answer.ETag
	}
	if !s.secret.IsZero() {
		body := map[string]any{s.of.secret: s.secret.Reveal(), "overlap_seconds": s.wanted.overlap}
		request := remote.Request{Method: http.MethodPost, Path: s.path("secrets"), Scope: s.of.scopeToWrite(), Body: body, Once: true}
		if _, err := api.Do(ctx, request); err != nil {
			return err
		}
		s.etag = "" // of a record without that secret
	}
	for _, each := range s.Differences {
		if each.Field == stateField {
			return s.turn(ctx, api)
		}
	}
	return nil
}

// turn switches a record off or on.
func (s Step) turn(ctx context.Context, api API) error {
	verb := "enable"
	if s.wanted.state == disabled {
		verb = "disable"
	}
	_, err := api.Do(ctx, remote.Request{Method: http.MethodPost, Path: s.path(verb), Scope: s.of.scopeToWrite(), IfMatch: s.etag})
	return err
}

// remove deletes a record that still follows the document: somebody may have thought about
// the plan for a while.
func (s Step) remove(ctx context.Context, api API) error {
	answer, err := api.Do(ctx, remote.Request{Method: http.MethodGet, Path: s.path(), Scope: s.of.scopeToRead()})
	if err == nil {
		current := map[string]any{}
		if err := answer.Into(&current); err != nil {
			return err
		}
		if current[managedField] != s.manager {
			return errNotItsOwn
		}
		_, err = api.Do(ctx, remote.Request{Method: http.MethodDelete, Path: s.path(), Scope: s.of.scopeToWrite(), IfMatch: answer.ETag})
	}
	if remote.IsStatus(err, http.StatusNotFound) {
		return nil // somebody was faster
	}
	return err
}
