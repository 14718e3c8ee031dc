package app

import (
	"context"
	"net/http"
	"time"

	"authly/internal/config"
	"authly/internal/interaction"
	"authly/internal/login"
	"authly/internal/logout"
	"authly/internal/platform/clock"
	"authly/internal/platform/egress"
	"authly/internal/platform/fault"
	"authly/internal/platform/httpx"
	"authly/internal/platform/ratelimit"
	"authly/internal/platform/secret"
	"authly/internal/session"
)

// The names of the limits that are counted in memory, node by node.
const (
	limitClientAuthentication = "client_authentication"
	limitInteractions         = "interactions"
	limitRegistrations        = "registrations"
	limitRequestObjects       = "request_objects"
	limitRegistrationRequests = "registration_requests"
	limitAllInteractions      = "all_interactions"
	limitAllLogoutRequests    = "all_logout_requests"
	limitKnownSession         = "known_session"
	limitKnownInteractions    = "known_interactions"
)

// The limit of interactions begun from one address. Each is a row until it
// expires, and anybody may begin one; a whole office behind one address stays well below.
const (
	interactionBurst    = 600
	interactionInterval = 500 * time.Millisecond
)

// The limit of interactions that are begun in one session while the limit of all together is used up.
const (
	knownSessionBurst    = 20
	knownSessionInterval = 10 * time.Second
)

// everybody is the one subject of a limit of all together.
const everybody = "everybody"

// The limit of request objects that are fetched because of one address. Anybody may
// send a request_uri that some client has registered, and each makes this server ask for it.
const (
	requestObjectBurst    = 60
	requestObjectInterval = time.Second
)

// The limit of what is asked because of one address that writes client records: a
// sector's document and a logo each time, from an address that the writer has chosen.
const (
	registrationRequestBurst    = 60
	registrationRequestInterval = time.Second
)

// newThrottle returns the limiter of sign-ins. It counts in the database, so
// that a restart or another node forgets nothing; with Redis it counts there, and in
// the database while Redis is away.
func newThrottle(settings config.Throttle, store ratelimit.Store, at clock.Clock) (*ratelimit.Limiter, error) {
	return ratelimit.New(store, at,
		ratelimit.Limit{Name: login.LimitAccount, Rate: ratelimit.Rate{Burst: settings.AccountBurst, Interval: settings.AccountInterval}},
		// One attempt more than under one name; see package login.
		ratelimit.Limit{Name: login.LimitUser, Rate: ratelimit.Rate{Burst: settings.AccountBurst + 1, Interval: settings.AccountInterval}},
		ratelimit.Limit{Name: login.LimitAddress, Rate: ratelimit.Rate{Burst: settings.AddressBurst, Interval: settings.AddressInterval}},
	)
}

// addressLimits bounds what anybody can make a node do, by address.
type addressLimits struct{ limiter *ratelimit.Limiter }

func newAddressLimits(settings config.Throttle, open config.Registration, at clock.Clock) (*addressLimits, error) {
	memory, err := ratelimit.NewMemory(ratelimit.DefaultMemoryEntries)
	if err != nil {
		return nil, err
	}
	limiter, err := ratelimit.New(memory, at,
		ratelimit.Limit{Name: limitClientAuthentication, Rate: ratelimit.Rate{Burst: settings.AddressBurst, Interval: settings.AddressInterval}},
		ratelimit.Limit{Name: limitInteractions, Rate: ratelimit.Rate{Burst: interactionBurst, Interval: interactionInterval}},
		ratelimit.Limit{Name: limitAllInteractions, Rate: ratelimit.Rate{Burst: settings.BegunBurst, Interval: settings.BegunInterval}},
		ratelimit.Limit{Name: limitAllLogoutRequests, Rate: ratelimit.Rate{Burst: settings.BegunBurst, Interval: settings.BegunInterval}},
		ratelimit.Limit{Name: limitKnownSession, Rate: ratelimit.Rate{Burst: knownSessionBurst, Interval: knownSessionInterval}},
		ratelimit.Limit{Name: limitKnownInteractions, Rate: ratelimit.Rate{Burst: settings.BegunBurst, Interval: settings.BegunInterval}},
		ratelimit.Limit{Name: limitRegistrations, Rate: ratelimit.Rate{Burst: open.OpenBurst, Interval: open.OpenInterval}},
		ratelimit.Limit{Name: limitRequestObjects, Rate: ratelimit.Rate{Burst: requestObjectBurst, Interval: requestObjectInterval}},
		ratelimit.Limit{Name: limitRegistrationRequests, Rate: ratelimit.Rate{Burst: registrationRequestBurst, Interval: registrationRequestInterval}},
	)
	return &addressLimits{limiter}, err
}

func (l *addressLimits) take(ctx context.Context, limit, key string) error {
	return refused(key)(l.limiter.AllowAddress(ctx, limit, httpx.ClientAddress(ctx)))
}

// takeAll counts what is begun from all addresses together.
func (l *addressLimits) takeAll(ctx context.Context, limit string) error {
	return refused("interaction.too_many")(l.limiter.Allow(ctx, limit, everybody))
}

// refused returns what makes an error of a decision.
func refused(key string) func(ratelimit.Decision, error) error {
	return func(decision ratelimit.Decision, err error) error {
		if err != nil {
			return err
		}
		if !decision.Allowed {
			return fault.New(fault.Limited, key)
		}
		return nil
	}
}

// Failed counts a failed client authentication. A secret of 256 bits can't be
// guessed; this is to keep the attempts from costing anything.
func (l *addressLimits) Failed(ctx context.Context) error {
	return l.take(ctx, limitClientAuthentication, "client.too_many_failures")
}

// Register counts a client registration without an initial access token.
func (l *addressLimits) Register(ctx context.Context) error {
	return l.take(ctx, limitRegistrations, "registration.too_many")
}

// Ask counts a request to an address that a client has registered for itself.
func (l *addressLimits) Ask(ctx context.Context) error {
	return l.take(ctx, limitRegistrationRequests, "registration.too_many_requests")
}

// limitedStore bounds how many interactions an address begins, and all together.
type limitedStore struct {
	*interaction.Service
	limits *addressLimits
}

// Begin counts, then begins.
func (s limitedStore) Begin(ctx context.Context, request interaction.Request) (interaction.Interaction, error) {
	if err := s.limits.take(ctx, limitInteractions, "interaction.too_many"); err != nil {
		return interaction.Interaction{}, err
	}
	if err := s.limits.takeAll(ctx, limitAllInteractions); err != nil {
		return interaction.Interaction{}, err
	}
	return s.Service.Begin(ctx, request)
}

// limitedBrowser is limitedStore for a browser. When many addresses have used up what all
// together may begin, new browsers wait, and those that were here before go on.
type limitedBrowser struct {
	*interaction.Browser
	limits   *addressLimits
	sessions *session.Browser
}

// Begin counts, then begins.
func (b limitedBrowser) Begin(w http.ResponseWriter, r *http.Request, request interaction.Request) (interaction.Bound, error) {
	if err := b.limits.take(r.Context(), limitInteractions, "interaction.too_many"); err != nil {
		return interaction.Bound{}, err
	}
	err := b.limits.takeAll(r.Context(), limitAllInteractions)
	if fault.KindOf(err) == fault.Limited {
		err = b.goOn(r, err)
	}
	if err != nil {
		return interaction.Bound{}, err
	}
	return b.Browser.Begin(w, r, request)
}

// goOn returns nil for a browser that was here before, and otherwise the refusal. A session counts
// for itself, since it takes an account. Anybody can have an interaction, and begin the next with
// it, so browsers that have no more than one share a second allowance.
func (b limitedBrowser) goOn(r *http.Request, refusal error) error {
	current, live, err := b.sessions.Read(r)
	if err != nil {
		return err
	}
	if live {
		return refused("interaction.too_many")(b.limits.limiter.Allow(r.Context(), limitKnownSession, current.ID.String()))
	}
	known, err := b.HasOne(r)
	if err != nil {
		return err
	}
	if !known {
		return refusal
	}
	return b.limits.takeAll(r.Context(), limitKnownInteractions)
}

// limitedRequests bounds how many logout requests an address leaves: they are
// rows too, and count as interactions.
type limitedRequests struct {
	*logout.Service
	limits *addressLimits
}

// Keep counts, then keeps.
func (r limitedRequests) Keep(ctx context.Context, request logout.Request) (secret.Redacted, error) {
	if err := r.limits.take(ctx, limitInteractions, "interaction.too_many"); err != nil {
		return secret.Redacted{}, err
	}
	if err := r.limits.takeAll(ctx, limitAllLogoutRequests); err != nil {
		return secret.Redacted{}, err
	}
	return r.Service.Keep(ctx, request)
}

// limitedAsker bounds how many request objects an address makes this server fetch.
type limitedAsker struct {
	*egress.Client
	limits *addressLimits
}

// Do counts, then asks.
func (a limitedAsker) Do(ctx context.Context, request egress.Request) (egress.Response, error) {
	if err := a.limits.take(ctx, limitRequestObjects, "authorize.too_many_request_objects"); err != nil {
		return egress.Response{}, err
	}
	return a.Client.Do(ctx, request)
}
