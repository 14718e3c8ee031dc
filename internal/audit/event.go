package audit

import (
	"time"

	"github.com/google/uuid"
)

// Action is the kind of an event: the kind of its object and a verb.
type Action string

// The actions.
const (
	SignIn         Action = "session.sign_in"
	SignOut        Action = "session.sign_out"
	SessionEnd     Action = "session.end"
	ConsentGive    Action = "consent.give"
	ConsentSkip    Action = "consent.skip" // a consent by the client's record, without asking the user
	ConsentDeny    Action = "consent.deny"
	ConsentRevoke  Action = "consent.revoke"
	CodeReplay     Action = "code.replay"
	RefreshReuse   Action = "refresh_token.reuse"
	RefreshRepeat  Action = "refresh_token.repeat" // a rotated token returned its successor again; once for each rotation
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

// Refused attempts; see [Log.RecordRefusal] for how many of them are written.
const (
	ClientAuthenticate   Action = "client.authenticate"   // a client failed to authenticate
	AdministrationRefuse Action = "administration.refuse" // a caller lacks the authority to administer
	SessionThrottle      Action = "session.throttle"      // too many attempts to sign in to one account
)

// Changes of passwords.
const (
	UserRequirePasswordChange Action = "user.require_password_change" // the user must choose a new one first
	PasswordReset             Action = "user.password_reset"          // by an administrator, to a temporary one
	PasswordChange            Action = "user.password_change"         // by the user
	InvitationCreate          Action = "invitation.create"
	InvitationUse             Action = "invitation.use"
)

// Actions returns all actions, grouped by the kind of object.
func Actions() []Action {
	return []Action{
		SignIn, SignOut, SessionEnd, SessionThrottle, ConsentGive, ConsentSkip, ConsentDeny, ConsentRevoke, CodeReplay, RefreshRepeat, RefreshReuse, TokenIssue, TokenRefresh, TokenRevoke,
		ClientAuthenticate, RegisterClient, ClientCreate, ClientUpdate, ClientDisable, ClientEnable, ClientDelete, SecretCreate, SecretDelete, ScopeCreate, ScopeUpdate, ScopeDelete,
		UserCreate, UserUpdate, UserDelete, UserDisable, UserEnable, UserUnlock, UserRequirePasswordChange, PasswordReset, PasswordChange,
		InvitationCreate, InvitationUse, InitialCreate, InitialRevoke, SetUp, Recover, KeyCreate, KeyRotate, KeyRetire, KeyDelete, AdministrationRefuse, JobRun, Retention,
	}
}

// Outcome is the outcome of an action.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Failure Outcome = "failure"
)

// ActorKind is the kind of an actor.
type ActorKind string

// The kinds of actors.
const (
	User     ActorKind = "user"
	Client   ActorKind = "client"
	Operator ActorKind = "operator" // an operator with access to the server's machine
	Server   ActorKind = "server"   // the server by itself
	Unknown  ActorKind = "unknown"  // not authenticated
)

// Actor is who performed the action.
type Actor struct {
	Kind ActorKind
	ID   string // the subject of a user, the client_id of a client
	Name string
}

// Author is who requests a change, and through which client.
type Author struct {
	Actor    Actor
	ClientID string
}

// Target is the object of the action.
type Target struct {
	Kind string
	ID   string
	Name string
}

// Change is a field before and after. Neither contains a secret.
type Change struct {
	Field  string `json:"field"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Details are the optional parts of an event.
type Details struct {
	// Reason is why it failed, or was done; a short identifier.
	Reason  string   `json:"reason,omitempty"`
	Changes []Change `json:"changes,omitempty"`
	Scopes  []string `json:"scopes,omitempty"`
	// Methods are those of an authentication (RFC 8176).
	Methods []string `json:"methods,omitempty"`
	// Subject is the user concerned, if that is neither actor nor target.
	Subject string `json:"subject,omitempty"`
	// InitialToken is the identifier of the initial access token that was used (RFC 7591 section 3).
	InitialToken string `json:"initial_access_token,omitempty"`
	// Family is the token family that an access token belongs to.
	Family string `json:"token_family,omitempty"`
	// Omitted is how many refusals of this kind were left out before this one.
	Omitted int64  `json:"omitted,omitempty"`
	Note    string `json:"note,omitempty"`
}

// Event is one entry of the log.
type Event struct {
	ID         uuid.UUID
	OccurredAt time.Time
	Action     Action
	Outcome    Outcome
	Actor      Actor
	// ClientID is the client through which it was done, "" for none.
	ClientID string
	Target   Target
	Origin   Origin
	Details  Details
	// Batch is the number of its sealed batch, 0 for none.
	Batch int64
}

// Origin is where a request came from.
type Origin struct {
	Address   string
	RequestID string
}
