package admin

import (
	"context"
	"net/http"

	signing "authly/internal/keys"
	"authly/internal/protocol/jose"
)

type keyPath struct {
	ID string `path:"kid" maxLength:"128" doc:"The kid."`
}

// SigningKeyList has keys: by algorithm, then active, next and retired.
type SigningKeyList struct {
	Keys []SigningKey `json:"keys"`
}

type keysAnswer struct{ Body SigningKeyList }

// KeyRotation says what is rotated, and how.
type KeyRotation struct {
	Algorithms []jose.Algorithm `json:"algorithms,omitempty" required:"false" maxItems:"16" doc:"The algorithms whose keys are rotated, all of them or none; every one that has a key unless sent."`
	Forcing
}

// Forcing is for keys that may have become known to others.
type Forcing struct {
	Force bool `json:"force" required:"false" doc:"Lets a next key sign that has not been published for long enough. Clients that keep a copy of the JWK Set refuse its tokens until they fetch the set again."`
}

func (s *signingKeys) mount(to operations) {
	const read, write = "admin:keys:read", "admin:keys:write"
	register(to, operation{method: http.MethodGet, path: "/keys", id: "list-keys", summary: "List the signing keys", scope: read, signIn: anySignIn}, s.httpList)
	register(to, operation{method: http.MethodPost, path: "/keys/rotate", id: "rotate-keys", summary: "Let the next keys sign from now on, and get those that do", scope: write, signIn: freshSignIn}, s.httpRotate)
	register(to, operation{method: http.MethodGet, path: "/keys/{kid}", id: "get-key", summary: "Get a signing key with its public half", scope: read, signIn: anySignIn}, s.httpGet)
	register(to, operation{method: http.MethodPost, path: "/keys/{kid}/retire", id: "retire-key", summary: "Let a key sign no more, and get the keys of its algorithm; what it has signed counts on", scope: write, signIn: freshSignIn}, s.httpRetire)
	register(to, operation{method: http.MethodPost, path: "/keys/{kid}/withdraw", id: "withdraw-key", summary: "Delete a key that has become known to others, at once, and get the keys of its algorithm; nothing that it has signed counts any more", scope: write, signIn: freshSignIn}, s.httpWithdraw)
}

func (s *signingKeys) answer(all []signing.Key, err error) (*keysAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &keysAnswer{SigningKeyList{s.views(all)}}, nil
}

func (s *signingKeys) httpList(ctx context.Context, _ *struct{}) (*keysAnswer, error) {
	return s.answer(s.keys.List(ctx))
}

func (s *signingKeys) httpGet(ctx context.Context, in *keyPath) (*struct{ Body PublishedKey }, error) {
	known, err := s.keys.Find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body PublishedKey }{PublishedKey{s.view(known.Key), known.JWK}}, nil
}

func (s *signingKeys) httpRotate(ctx context.Context, in *struct {
	Body *KeyRotation
},
) (*keysAnswer, error) {
	rotation := KeyRotation{}
	if in.Body != nil {
		rotation = *in.Body
	}
	return s.answer(s.rotate(ctx, principal(ctx), rotation))
}

func (s *signingKeys) httpRetire(ctx context.Context, in *struct {
	ID   string `path:"kid" maxLength:"128" doc:"The kid."`
	Body *Forcing
},
) (*keysAnswer, error) {
	options := signing.RotateOptions{By: principal(ctx).author()}
	options.Force = in.Body != nil && in.Body.Force
	return s.answer(s.keys.Retire(ctx, in.ID, options))
}

func (s *signingKeys) httpWithdraw(ctx context.Context, in *keyPath) (*keysAnswer, error) {
	return s.answer(s.keys.Withdraw(ctx, in.ID, principal(ctx).author()))
}
