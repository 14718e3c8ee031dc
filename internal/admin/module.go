package admin

import (
	"cmp"
	"context"
	"net/netip"
	"time"

	"authly/internal/platform/clock"
	"authly/internal/platform/db"
)

// Deps is what the API needs; all of it is required.
type Deps struct {
	Database *db.DB
	Clock    clock.Clock
	Issuer   string
	// Address is where the API says that it is, without [Path]: the issuer if it is empty, else a
	// reference relative to wherever its description was read.
	Address        string
	Tokens         Tokens
	Users          UserRecords
	Throttle       SignInThrottle
	Invitations    Invitations
	Clients        ClientRecords
	Scopes         ScopeCatalogue
	SigningKeys    SigningKeys
	InitialTokens  InitialTokens
	Administrators *Administrators
	Sessions       SessionRecords
	LogoutNotices  LogoutNotices
	Issued         IssuedTokens
	Grants         GrantRecords
	Log            Recorder
	AuditLog       AuditLog
	Jobs           Jobs
	Dashboard      *Dashboard
	Features       Features
	StartedAt      time.Time
	// Networks are those from which this server can be administered.
	Networks []netip.Prefix
	// FreshSignIn is how long ago the sign-in behind a dangerous operation may be; 0 for any time.
	FreshSignIn time.Duration
}

// API is the administration over HTTP.
type API struct {
	issuer      string
	address     string
	authority   *authority
	clients     *clients
	scopes      *scopes
	users       *users
	signingKeys *signingKeys
	initial     *initialTokens
	auditEvents *auditEvents
	system      *system
	keys        *keys
	sessions    *sessions
	tokens      *tokens
	grants      *grants
}

// New returns the API.
func New(deps Deps) *API {
	storing := store{deps.Database}
	remembering := &keys{storing, deps.Clock}
	return &API{
		issuer: deps.Issuer, address: cmp.Or(deps.Address, deps.Issuer), keys: remembering,
		authority: &authority{
			tokens: deps.Tokens, administrators: deps.Administrators, users: deps.Users, clients: deps.Clients, store: storing,
			audience: deps.Issuer + Path, networks: deps.Networks, log: deps.Log,
			clock: deps.Clock, freshSignIn: deps.FreshSignIn,
		},
		clients:     &clients{deps.Clients, deps.Scopes, deps.Log, storing, remembering},
		scopes:      &scopes{deps.Scopes, deps.Log, storing, remembering},
		users:       &users{deps.Users, deps.Sessions, deps.Throttle, deps.Invitations, deps.Log, storing, remembering},
		signingKeys: &signingKeys{deps.SigningKeys},
		grants:      &grants{deps.Grants, deps.Users, deps.Clients, deps.Log, storing},
		tokens: &tokens{
			issued: deps.Issued, users: deps.Users, clients: deps.Clients, log: deps.Log, store: storing, clock: deps.Clock,
		},
		sessions: &sessions{
			records: deps.Sessions, users: deps.Users, clients: deps.Clients, notices: deps.LogoutNotices, log: deps.Log, store: storing, clock: deps.Clock,
		},
		auditEvents: newAuditEvents(deps.AuditLog),
		system: &system{
			issuer: deps.Issuer, startedAt: deps.StartedAt, clock: deps.Clock, keys: deps.SigningKeys, jobs: deps.Jobs,
			features: deps.Features, dashboard: deps.Dashboard, log: deps.Log, store: storing,
		},
		initial: &initialTokens{deps.InitialTokens, deps.Scopes, deps.Clock, storing, remembering},
	}
}

// Sweep forgets idempotency keys whose time is over.
func (a *API) Sweep(ctx context.Context) error { return a.keys.sweep(ctx) }
