package registration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"authly/internal/audit"
	"authly/internal/client"
	"authly/internal/platform/fault"
	"authly/internal/platform/secret"
	"authly/internal/protocol/oauth"
	policies "authly/internal/protocol/policy"
)

// errToken is the one face of every token that does not let somebody do what they
// ask for, and of every client that there is not (RFC 7592 section 2.1).
var errToken = oauth.Refuse(oauth.InvalidToken, "the access token is not valid for this")

// admission is why somebody may register a client.
type admission struct {
	policy  Policy
	initial *uuid.UUID // the initial access token; nil in open mode
}

// Register registers a client as a request asks for it. presented is the initial
// access token, zero if there was none. Errors are [*oauth.Error] for the client, or faults.
func (s *Service) Register(ctx context.Context, presented secret.Redacted, document []byte) (Registration, error) {
	admitted, err := s.admit(ctx, presented)
	if err != nil {
		return Registration{}, err
	}
	asked, err := parseMembers(document)
	if err != nil {
		return Registration{}, err
	}
	base := admitted.policy.base()
	base.RegisteredOpenly = admitted.initial == nil
	metadata, err := s.checked(ctx, asked, client.Client{Metadata: base}, admitted.policy)
	if err != nil {
		return Registration{}, err
	}
	prepared, err := s.clients.Prepare(ctx, metadata)
	if err != nil {
		return Registration{}, refused(err)
	}
	made, err := s.insert(ctx, admitted, prepared)
	if err != nil {
		return Registration{}, err
	}
	s.fetchLogo(ctx, made.Client) // no transaction waits for an answer from outside
	return made, nil
}

// fetchLogo makes the first attempt at a client's logo. Whoever writes records all the
// time would make this server ask somebody all the time; then the logo is left to the
// job that fetches a few at a time.
func (s *Service) fetchLogo(ctx context.Context, known client.Client) {
	if known.LogoURI != "" && s.limits.Ask(ctx) == nil {
		s.logos.attempt(ctx, known)
	}
}

// admit finds the policy under which somebody may register a client.
func (s *Service) admit(ctx context.Context, presented secret.Redacted) (admission, error) {
	if presented.IsZero() {
		if s.mode != Open {
			return admission{}, oauth.ErrNoBearerToken
		}
		return admission{policy: s.openPolicy}, s.limits.Register(ctx)
	}
	known, ok, err := s.store.initialTokenByHash(ctx, secret.Hash(presented))
	if err != nil {
		return admission{}, fmt.Errorf("find an initial access token: %w", err)
	}
	if !ok || !known.IsLive(s.clock.Now()) {
		return admission{}, s.failed(ctx)
	}
	return admission{policy: known.Policy.withDefaults(), initial: &known.ID}, nil
}

// failed counts a wrong token and returns how it is answered.
func (s *Service) failed(ctx context.Context) error {
	if err := s.limits.Failed(ctx); err != nil {
		return err
	}
	return errToken
}

// checked reads what a request asks for, within what an administrator has left to the client, and checks
// what the client's own rules can't: whatever lies behind its addresses.
func (s *Service) checked(ctx context.Context, asked *members, base client.Client, policy Policy) (client.Metadata, error) {
	metadata, err := asked.metadata(base.Metadata, policy, s.requestURIs)
	if err != nil {
		return client.Metadata{}, err
	}
	metadata = base.Within(metadata)
	if err := s.checkName(base, metadata.Name); err != nil {
		return client.Metadata{}, err
	}
	if err := checkKeys(metadata.JWKS); err != nil {
		return client.Metadata{}, err
	}
	if err := s.checkAddresses(metadata); err != nil {
		return client.Metadata{}, err
	}
	return metadata, s.checkSector(ctx, metadata)
}

// checkName refuses a name that people would take for a part of this server, or that imitates another one by
// letters of another script. A name that an administrator has set may be anything.
func (s *Service) checkName(known client.Client, name string) error {
	switch {
	case known.Settled.Has("client_name"):
		return nil
	case s.reserved.Pretends(name):
		return oauth.Refuse(oauth.InvalidClientMetadata, "client_name could be taken for a part of this server")
	case policies.MixesScripts(name):
		return oauth.Refuse(oauth.InvalidClientMetadata, "client_name has a word with letters of two scripts")
	}
	return nil
}

// insert stores client and registration, and takes one use of the initial access
// token: all of it or nothing.
func (s *Service) insert(ctx context.Context, admitted admission, prepared client.Prepared) (Registration, error) {
	var made Registration
	err := s.store.inTransaction(ctx, func(ctx context.Context) error {
		now := s.clock.Now()
		if admitted.initial != nil {
			used, err := s.store.useInitialToken(ctx, *admitted.initial, now)
			if err != nil {
				return err
			}
			if !used { // somebody else took the last use, or it was revoked meanwhile
				return errToken
			}
		}
		registered, err := s.clients.Insert(ctx, prepared)
		if err != nil {
			return err
		}
		made = Registration{
			Client: registered.Client, Secret: registered.Secret, Token: secret.New(), URI: recordURI(s.issuer, registered.Client.ClientID),
		}
		err = s.store.insert(ctx, record{
			Client: registered.Client.ID, Policy: admitted.policy, InitialToken: admitted.initial, CreatedAt: now,
			UnusedUntil: admitted.policy.unusedUntil(now),
		}, secret.Hash(made.Token))
		if err != nil {
			return err
		}
		if err := s.logos.note(ctx, registered.Client); err != nil {
			return err
		}
		event := ownEvent(audit.RegisterClient, registered.Client)
		if admitted.initial != nil {
			event.Details.InitialToken = admitted.initial.String()
		}
		return s.audit.Record(ctx, event)
	})
	if err != nil {
		return Registration{}, fmt.Errorf("register a client: %w", err)
	}
	return made, nil
}

// Sweep notes which clients were used, and deletes those that were not for as
// long as their policy says.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.clock.Now()
	if err := s.store.markUsed(ctx, now); err != nil {
		return fmt.Errorf("note the used clients: %w", err)
	}
	unused, err := s.store.unused(ctx, now)
	if err != nil {
		return fmt.Errorf("find unused clients: %w", err)
	}
	for _, each := range unused {
		err := s.store.inTransaction(ctx, func(ctx context.Context) error {
			taken, err := s.store.takeUnused(ctx, each, now)
			if err != nil || !taken {
				return err
			}
			known, err := s.clients.FindByRecord(ctx, each)
			if err != nil {
				return err
			}
			if err := s.clients.Delete(ctx, each); err != nil {
				return err
			}
			return s.audit.Record(ctx, audit.Event{
				Action: audit.ClientDelete, Actor: audit.Actor{Kind: audit.Server}, Target: targetOf(known), Details: audit.Details{Reason: "unused"},
			})
		})
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return fmt.Errorf("delete an unused client: %w", err)
		}
	}
	return nil
}

// ownEvent is what the log is told of a client that writes its own record.
func ownEvent(action audit.Action, known client.Client) audit.Event {
	return audit.Event{
		Action: action, Actor: audit.Actor{Kind: audit.Client, ID: known.ClientID, Name: known.Name}, ClientID: known.ClientID,
		Target: targetOf(known),
	}
}

func targetOf(known client.Client) audit.Target {
	return audit.Target{Kind: "client", ID: known.ClientID, Name: known.Name}
}

// refused turns the refusal of a client's own rules into the one of RFC 7591
// section 3.2.2, which names what is wrong.
func refused(err error) error {
	var refusal *fault.Error
	if !errors.As(err, &refusal) || refusal.Kind != fault.Invalid && refusal.Kind != fault.Conflict || len(refusal.Fields) == 0 {
		return err
	}
	code := oauth.InvalidClientMetadata
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(refusal.Fields)) {
		if member, _, _ := strings.Cut(name, "["); member == "redirect_uris" {
			code = oauth.InvalidRedirectURI
		}
		reason := strings.ReplaceAll(strings.TrimPrefix(refusal.Fields[name], "client."), "_", " ")
		problems = append(problems, name+": "+reason)
	}
	return oauth.Refuse(code, strings.Join(problems, "; ")).Because(err)
}
