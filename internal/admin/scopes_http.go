package admin

import (
	"context"
	"net/http"

	"authly/internal/scope"
)

type scopePath struct {
	Name string `path:"name" maxLength:"256" doc:"The name of the scope."`
}

type scopeChange struct {
	Name    string `path:"name" maxLength:"256" doc:"The name of the scope."`
	IfMatch string `header:"If-Match" doc:"The ETag of the scope as it was read."`
}

type scopeAnswer struct {
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotent-Replayed"`
	Body     Scope
}

// Scopes is the whole catalogue.
type Scopes struct {
	Scopes []Scope `json:"scopes"`
}

// NewScope is a scope that is made.
type NewScope struct {
	Name string `json:"name" maxLength:"128" doc:"A scope-token of RFC 6749, section 3.3."`
	ScopeFields
}

func (s *scopes) mount(to operations) {
	const read, write = "admin:scopes:read", "admin:scopes:write"
	register(to, operation{method: http.MethodGet, path: "/scopes", id: "list-scopes", summary: "List the catalogue of scopes", scope: read, signIn: anySignIn}, s.httpList)
	register(to, operation{method: http.MethodPost, path: "/scopes", id: "create-scope", summary: "Create a scope", scope: write, signIn: anySignIn, status: http.StatusCreated}, s.httpCreate)
	register(to, operation{method: http.MethodGet, path: "/scopes/{name}", id: "get-scope", summary: "Get a scope", scope: read, signIn: anySignIn}, s.httpGet)
	register(to, operation{method: http.MethodPatch, path: "/scopes/{name}", id: "update-scope", summary: "Change what is sent of a scope", scope: write, signIn: anySignIn}, s.httpUpdate)
	register(to, operation{method: http.MethodDelete, path: "/scopes/{name}", id: "delete-scope", summary: "Delete a scope", scope: write, signIn: freshSignIn, status: http.StatusNoContent}, s.httpDelete)
}

func (s *scopes) httpList(ctx context.Context, in *struct {
	Default string `query:"default" enum:"true,false" doc:"Whether it is granted when a client asks for no scope."`
	Active  string `query:"active" enum:"true,false" doc:"Whether it can be granted."`
},
) (*struct{ Body Scopes }, error) {
	all, err := s.catalogue.List(ctx)
	if err != nil {
		return nil, err
	}
	isDefault, isActive := yesOrNo(in.Default), yesOrNo(in.Active)
	answer := &struct{ Body Scopes }{Scopes{[]Scope{}}}
	for _, each := range all {
		if (isDefault == nil || each.Default == *isDefault) && (isActive == nil || each.Active == *isActive) {
			answer.Body.Scopes = append(answer.Body.Scopes, scopeView(each))
		}
	}
	return answer, nil
}

func (s *scopes) httpCreate(ctx context.Context, in *struct {
	Key     string `header:"Idempotency-Key" maxLength:"255"`
	Body    NewScope
	RawBody []byte
},
) (*scopeAnswer, error) {
	who := principal(ctx)
	made, replayed, err := s.create(ctx, who, in.Body.Name, in.Body.ScopeFields, newAttempt(who, "create-scope", in.Key, in.RawBody))
	answer, err := answerWithScope(made, err)
	if err == nil && replayed {
		answer.Replayed = "true"
	}
	return answer, err
}

func (s *scopes) httpGet(ctx context.Context, in *scopePath) (*scopeAnswer, error) {
	return answerWithScope(s.catalogue.Find(ctx, in.Name))
}

func (s *scopes) httpUpdate(ctx context.Context, in *struct {
	Name    string `path:"name" maxLength:"256" doc:"The name of the scope."`
	IfMatch string `header:"If-Match" doc:"The ETag of the scope as it was read."`
	Body    ScopeFields
},
) (*scopeAnswer, error) {
	return answerWithScope(s.update(ctx, principal(ctx), in.Name, in.IfMatch, in.Body))
}

func (s *scopes) httpDelete(ctx context.Context, in *scopeChange) (*struct{}, error) {
	return nil, s.remove(ctx, principal(ctx), in.Name, in.IfMatch)
}

func answerWithScope(known scope.Scope, err error) (*scopeAnswer, error) {
	if err != nil {
		return nil, err
	}
	view := scopeView(known)
	return &scopeAnswer{ETag: etag(view), Body: view}, nil
}
