package declarative

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"authly/internal/cli/remote"
	"authly/internal/platform/secret"
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

// Apply does what a plan says, one record after the other, and tells told what was done. A step that
// is in conflict with the present state waits for the others, as what it needs may be what one of
// them gives up: an e-mail address, or the office of the last administrator. Apply stops at the
// first step that can't be done: what was done before it stays, and the next plan has the
// rest. A [remote.Problem] with status 412 says that somebody has changed a record since the
// plan was made.
//
// What a document refers to no secret for begins with something that the server made. It is not
// answered: whoever applies a document often keeps what is written. It has to be replaced
// to be of use.
func Apply(ctx context.Context, api API, plan Plan, told func(Step)) (unseen []Unseen, err error) {
	var waiting []*Step
	for _, step := range plan.Steps {
		if step.Action != Leave && step.Action != Abandon {
			waiting = append(waiting, &step)
		}
	}
	for {
		var conflicts []*Step
		var conflict error
		for _, step := range waiting {
			hasUnseen, err := step.do(ctx, api)
			if hasUnseen {
				unseen = append(unseen, Unseen{step.Kind, step.Key, step.wanted.fields[administratorField] == true})
			}
			if err != nil {
				err = fmt.Errorf("%s the %s %s: %w", step.Action, step.Kind, step.Key, err)
			}
			switch {
			case remote.IsStatus(err, http.StatusConflict):
				conflicts, conflict = append(conflicts, step), cmp.Or(conflict, err)
			case err != nil:
				return unseen, err
			default:
				told(*step)
			}
		}
		if len(conflicts) == 0 || len(conflicts) == len(waiting) {
			return unseen, conflict
		}
		waiting = conflicts
	}
}

// do tells whether the record begins with something that the server made and nobody has seen. Of a step
// that can't be done to its end, the rest is left: what was done is not to be done again.
func (s *Step) do(ctx context.Context, api API) (hasUnseen bool, err error) {
	switch s.Action {
	case Create:
		if s.id == "" {
			return s.create(ctx, api)
		}
		return s.change(ctx, api) // it was made, and not switched off
	case Change:
		return s.change(ctx, api)
	case Delete:
		return false, s.remove(ctx, api)
	case Leave, Abandon:
	}
	return false, nil
}

func (s Step) path(parts ...string) string {
	return remote.Join(append([]string{s.of.member, s.id}, parts...)...)
}

func (s *Step) create(ctx context.Context, api API) (hasUnseen bool, err error) {
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
	s.etag, s.send = answer.ETag, nil
	hasUnseen = s.secret.IsZero() && s.of.beganUnseen(made)
	s.secret = secret.Redacted{}
	if !turnsOff {
		return hasUnseen, nil
	}
	after, err := s.turn(ctx, api)
	if err != nil {
		return hasUnseen, err
	}
	return hasUnseen && s.of.beganUnseen(after), nil // an invitation ends with that
}

func (s *Step) change(ctx context.Context, api API) (hasUnseen bool, err error) {
	if len(s.send) > 0 {
		request := remote.Request{Method: http.MethodPatch, Path: s.path(), Scope: s.of.scopeToWrite(), Body: s.send, IfMatch: s.etag}
		answer, err := api.Do(ctx, request)
		if err != nil {
			return false, err
		}
		s.etag, s.send = answer.ETag, nil
	}
	if !s.secret.IsZero() {
		body := map[string]any{s.of.secret: s.secret.Reveal(), "overlap_seconds": s.wanted.overlap}
		request := remote.Request{Method: http.MethodPost, Path: s.path("secrets"), Scope: s.of.scopeToWrite(), Body: body, Once: true}
		if _, err := api.Do(ctx, request); err != nil {
			return false, err
		}
		s.etag, s.secret = "", secret.Redacted{} // it was that of a record without the secret
	}
	if !slices.ContainsFunc(s.Differences, func(each Difference) bool { return each.Field == stateField }) {
		return false, nil
	}
	after, err := s.turn(ctx, api)
	return err == nil && s.of.withSecret != "" && s.of.beganUnseen(after), err
}

// turn switches a record off or on, and returns what it is then.
func (s Step) turn(ctx context.Context, api API) (after map[string]any, err error) {
	verb := "enable"
	if s.wanted.state == disabled {
		verb = "disable"
	}
	answer, err := api.Do(ctx, remote.Request{Method: http.MethodPost, Path: s.path(verb), Scope: s.of.scopeToWrite(), IfMatch: s.etag})
	if err != nil {
		return nil, err
	}
	return after, answer.Into(&after)
}

// beganUnseen tells whether a record has a secret that nobody has seen, or none where somebody needs
// one. Nobody needs one who is disabled; whoever enables them is told then.
func (k kind) beganUnseen(record map[string]any) bool {
	if k.withSecret != "" {
		return record[k.withSecret] != true && record[stateField] != disabled
	}
	method, _ := record["token_endpoint_auth_method"].(string)
	return k.secret != "" && strings.HasPrefix(method, k.secret)
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
