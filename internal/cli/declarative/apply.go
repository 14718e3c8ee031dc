package declarative

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"authly/internal/cli/remote"
)

// Apply does what a plan says, one record after the other, and tells told what was done. It
// stops at the first step that can't be done: what was done before it stays, and the
// next plan has the rest. A [remote.Problem] with status 412 says that somebody has changed a
// record since the plan was made.
//
// Unseen are the keys of records that got a secret which the server made, because the document
// refers to none. Nobody has seen these secrets, and they are not answered either: whoever
// applies a document often keeps what is written. They have to be replaced to be of use.
func Apply(ctx context.Context, api API, plan Plan, told func(Step)) (unseen []string, err error) {
	for _, step := range plan.Steps {
		switch step.Action {
		case Create:
			var hasUnseen bool
			if hasUnseen, err = step.create(ctx, api); hasUnseen {
				unseen = append(unseen, step.Key)
			}
		case Change:
			err = step.change(ctx, api)
		case Delete:
			_, err = api.Do(ctx, remote.Request{Method: http.MethodDelete, Path: step.path(), Scope: step.of.scopeToWrite()})
			if remote.IsStatus(err, http.StatusNotFound) {
				err = nil // somebody was faster
			}
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
	return remote.Join(append([]string{s.of.member, s.Key}, parts...)...)
}

// create tells whether the server made a secret.
func (s Step) create(ctx context.Context, api API) (hasUnseen bool, err error) {
	body := maps.Clone(s.send)
	body[s.of.key] = s.Key
	if !s.secret.IsZero() {
		body[s.of.secret] = s.secret.Reveal()
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
	if s.secret.IsZero() && s.of.secret != "" {
		_, hasUnseen = made[s.of.secret]
	}
	if s.wanted.state == disabled {
		return hasUnseen, s.turn(ctx, api)
	}
	return hasUnseen, nil
}

func (s Step) change(ctx context.Context, api API) error {
	if len(s.send) > 0 {
		request := remote.Request{Method: http.MethodPatch, Path: s.path(), Scope: s.of.scopeToWrite(), Body: s.send, IfMatch: s.etag}
		if _, err := api.Do(ctx, request); err != nil {
			return err
		}
	}
	if !s.secret.IsZero() {
		body := map[string]any{s.of.secret: s.secret.Reveal(), "overlap_seconds": s.wanted.overlap}
		request := remote.Request{Method: http.MethodPost, Path: s.path("secrets"), Scope: s.of.scopeToWrite(), Body: body, Once: true}
		if _, err := api.Do(ctx, request); err != nil {
			return err
		}
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
	_, err := api.Do(ctx, remote.Request{Method: http.MethodPost, Path: s.path(verb), Scope: s.of.scopeToWrite()})
	return err
}
