package audit

import (
	"time"

	"github.com/google/uuid"
)

// Action is what was done, as the kind of its object and a verb.
type Action string

// The actions.
const (
	SignIn         Action = "session.sign_in"
	SignOut        Action = "session.sign_out"
	SessionEnd     Action = "session.end"
	ConsentGive    Action = "consent.give"
	ConsentSkip    Action = "consent.skip" // a grant that a client's record allows, of which nobody was asked
	ConsentDeny    Action = "consent.deny"
	ConsentRevoke  Action = "consent.revoke"
	CodeReplay     Action = "code.replay"
	RefreshReuse   Action = "refresh_token.reuse"
	RefreshRepeat  Action = "refresh_token.repeat" // a rotated token gave its successor again; once for each rotation
	TokenRevoke    Action = "token.revoke"
	TokenIssue     Action = "token.issue"
	TokenRefresh   Action = "token.refresh"
	RegisterClient Action = "client.register"
	ClientCreate   Action = "client.create"
	ClientUpdate   Action = "client.update"
	ClientDelete   Action = "client.delete"
	ClientDisable  Action = "client.disable"
	ClientEnable   Action = "client.enable"
	SecretCreate   Action = "client_secret.create"
	SecretDelete   Action = "client_secret.delete"
	ScopeCreate    Action = "scope.create"
	ScopeUpdate    Action = "scope.update"
	ScopeDelete    Action = "scope.delete"
	UserCreate     Action = "user.create"
	UserUpdate     Action = "user.update"
	UserDelete     Action = "user.delete"
	UserDisable    Action = "user.disable"
	UserEnable     Action = "user.enable"
	UserUnlock     Action = "user.unlock"
	InitialCreate  Action = "initial_access_token.create"
	InitialRevoke  Action = "initial_access_token.revoke"
	SetUp          Action = "server.set_up"
	Recover        Action = "server.recover"
	KeyCreate      Action = "key.create"
	KeyRotate      Action = "key.rotate"
	KeyRetire      Action = "key.retire"
	KeyDelete      Action = "key.delete"
	JobRun         Action = "job.run"
	Retention      Action = "audit.delete"
)

// What was refused; see [Log.RecordRefusal] for how much of it is written.
const (
	ClientAuthenticate   Action = "client.authenticate"   // a client did not prove who it is
	AdministrationRefuse Action = "administration.refuse" // somebody may not administer, or not that
	SessionThrottle      Action = "session.throttle"      // too many attempts to sign in to one account
)

// What happens to passwords.
const (
	UserRequirePasswordChange Action = "user.require_password_change" // nothing more before a new one is chosen
	PasswordReset             Action = "user.password_reset"          // by an administrator, to a temporary one
	PasswordChange            Action = "user.password_change"         // by the person
	InvitationCreate          Action = "invitation.create"
	InvitationUse             Action = "invitation.use"
)

// Actions returns all actions, those of one kind of object side by side.
func Actions() []Action {
	return []Action{
		SignIn, SignOut, SessionEnd, SessionThrottle, ConsentGive, ConsentSkip, ConsentDeny, ConsentRevoke, CodeReplay, RefreshRepeat, RefreshReuse, TokenIssue, TokenRefresh, TokenRevoke,
		ClientAuthenticate, RegisterClient, ClientCreate, ClientUpdate, ClientDisable, ClientEnable, ClientDelete, SecretCreate, SecretDelete, ScopeCreate, ScopeUpdate, ScopeDelete,
		UserCreate, UserUpdate, UserDelete, UserDisable, UserEnable, UserUnlock, UserRequirePasswordChange, PasswordReset, PasswordChange,
		InvitationCreate, InvitationUse, InitialCreate, InitialRevoke, SetUp, Recover, KeyCreate, KeyRotate, KeyRetire, KeyDelete, AdministrationRefuse, JobRun, Retention,
	}
}

// Outcome is how it ended.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Failure Outcome = "failure"
)

// ActorKind says what sort of somebody acted.
type ActorKind string

// The kinds of actors.
const (
	User     ActorKind = "user"
	Client   ActorKind = "client"
	Operator ActorKind = "operator" // somebody with access to the server's own machine
	Server   ActorKind = "server"   // the server by itself
	Unknown  ActorKind = "unknown"  // nobody who proved who they are
)

// Actor is who did it.
type Actor struct {
	Kind ActorKind
	ID   string // the subject of a user, the client_id of a client
	Name string
}

// Author is who asks for a change, and through which client.
type Author struct {
	Actor    Actor
	ClientID string
}

// Target is what it was done to.
type Target struct {
	Kind string
	ID   string
	Name string
}

// Change is a field before and after. Neither has a secret.
type Change struct {
	Field  string `json:"field"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Details is what else there is to say.
type Details struct {
	// Reason is why something failed, or was done; a short word.
	Reason  string   `json:"reason,omitempty"`
	Changes []Change `json:"changes,omitempty"`
	Scopes  []string `json:"scopes,omitempty"`
	// Methods are those of an authentication (RFC 8176).
	Methods []string `json:"methods,omitempty"`
	// Subject is the user whom it is about, if that is neither actor nor target.
	Subject string `json:"subject,omitempty"`
	// InitialToken is the identifier of the initial access token that was used (RFC 7591 section 3).
	InitialToken string `json:"initial_access_token,omitempty"`
	// Family is the token family that an access token belongs to.
	Family string `json:"token_family,omitempty"`
	// Omitted is how many refusals of this kind were left out of the log before this one.
	Omitted int64  `json:"omitted,omitempty"`
	Note    string `json:"note,omitempty"`
}

// Event is one thing that happened.
type Event struct {
	ID         uuid.UUID
	OccurredAt time.Time
	Action     Action
	Outcome    Outcome
	Actor      Actor
	// ClientID is through which client it was done, "" for none.
	ClientID string
	Target   Target
	Origin   Origin
	Details  Details
	// Batch is the number of the batch that it is sealed in, 0 for none.
	Batch int64
}

// Origin is where a request came from.
type Origin struct {
	Address   string
	RequestID string
}
