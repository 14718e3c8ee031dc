package config

import (
	"net/netip"
	"slices"
	"time"

	"authly/internal/platform/secret"
)

// Config is the whole configuration. Every field but Dev is an entry of the
// table in options.go, which has its name, default, bounds and description.
type Config struct {
	// Issuer is the URL by which clients know this server and from which every
	// other URL is built (RFC 8414 section 2). It has no trailing slash.
	Issuer string
	// Listen is the host and port that the server listens on.
	Listen string
	// DataDirectory holds the SQLite database and the generated sealing key.
	DataDirectory string

	Database Database
	Redis    Redis

	// SealingKey protects private keys at rest: 32 bytes in a form that secret.ParseSealingKey
	// reads. Empty means a generated one in the data directory (SQLite only).
	SealingKey secret.Redacted

	Server  Server
	Headers Headers
	TLS     TLS
	// TrustedProxies are the networks whose forwarded headers are trusted.
	TrustedProxies []netip.Prefix

	Log       Log
	Tokens    Tokens
	Sessions  Sessions
	Passwords Passwords
	Throttle  Throttle
	Keys      Keys
	Egress    Egress
	Requests  Requests
	Logout    Logout

	Registration Registration
	Audit        Audit
	Admin        Admin

	// ShutdownTimeout bounds how long requests in progress may take to finish.
	ShutdownTimeout time.Duration

	// Dev seeds demo data and serves the playground. Only the flag --dev sets it.
	Dev bool

	origins  map[string]string
	warnings []string
}

// Database configures the storage.
type Database struct {
	// URL of a PostgreSQL database (postgres://…). Empty means SQLite in the data directory.
	URL secret.Redacted
	// MaxConnections bounds the connection pool; 0 means the engine's default.
	MaxConnections int
	// AllowPlaintext lets the database be on another machine without verified TLS.
	AllowPlaintext bool
}

// Redis configures the counters shared by several instances.
type Redis struct {
	// URL is redis://… or rediss://…. Empty means none.
	URL secret.Redacted
	// CAFile is a PEM file with the certificate authorities of a rediss:// server; the system's if empty.
	CAFile string
	// AllowPlaintext lets Redis be on another machine without verified TLS.
	AllowPlaintext bool
}

// Server configures the accepted connections.
type Server struct {
	// MaxConnections and MaxConnectionsPerAddress bound the open connections of each
	// listen address.
	MaxConnections           int
	MaxConnectionsPerAddress int
	// AllowPlaintext lets other machines than the listed proxies connect without TLS
	// even if the issuer is https.
	AllowPlaintext bool
}

// Headers configures response headers.
type Headers struct {
	// HSTSIncludeSubdomains extends HSTS to the names below the issuer's host.
	HSTSIncludeSubdomains bool
	// CSPReportURI is where browsers report what a content security policy has blocked.
	CSPReportURI string
}

// TLS names the files of the built-in TLS; both are set or neither.
type TLS struct {
	CertificateFile string
	KeyFile         string
}

// Log configures the log.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // auto (text on a terminal, else json), text or json
}

// Tokens has the lifetimes of codes and tokens.
type Tokens struct {
	AccessTokenLifetime       time.Duration
	IDTokenLifetime           time.Duration
	RefreshTokenIdleLifetime  time.Duration // since it was last used
	RefreshTokenLifetime      time.Duration // since the authorization, however often it was used
	RefreshTokenReuseWindow   time.Duration // in which the same token returns the same successor
	RefreshTokenRepetitions   int           // rotations in a row that may be repeated within that window, 0 for any number
	AuthorizationCodeLifetime time.Duration
	// AccessTokenSigningAlgorithm is the JWS algorithm of JWT access tokens (RFC 9068 section 2.1).
	AccessTokenSigningAlgorithm string
	// IDTokenSigningAlgorithm is the JWS algorithm of ID tokens for clients without their own.
	IDTokenSigningAlgorithm string
	// AllowWeakEncryption allows clients to register key algorithms on SHA-1.
	AllowWeakEncryption bool
}

// Sessions has the lifetimes and the maximum number of sessions.
type Sessions struct {
	IdleLifetime        time.Duration // since the last use
	Lifetime            time.Duration // since the sign-in, however often it was used
	InteractionLifetime time.Duration // of one unfinished sign-in
	MaximumPerAccount   int
}

// Passwords has the cost of argon2id (RFC 9106) and the rules for new passwords.
type Passwords struct {
	MemoryKiB     int
	Iterations    int
	Parallelism   int
	PoolMemoryMiB int // memory of all concurrent hashes together
	MinimumLength int // in Unicode code points
}

// Throttle bounds sign-in attempts: a burst is allowed at once, and one more
// after each interval.
type Throttle struct {
	AccountBurst    int
	AccountInterval time.Duration
	AddressBurst    int
	AddressInterval time.Duration
	// BegunBurst and BegunInterval bound the sign-ins that all browsers together start.
	BegunBurst    int
	BegunInterval time.Duration
}

// Keys has the schedule and the size of the signing keys.
type Keys struct {
	RotationInterval time.Duration // how long one key signs
	PublishLead      time.Duration // how long the next key is published before it signs
	RetainRetired    time.Duration // how long a key is published after it last signed
	RSABits          int           // the size of new RSA keys
}

// Egress restricts outgoing requests to the addresses that clients
// registered.
type Egress struct {
	// AdditionalCAFile is a PEM file with certificate authorities in addition to the system's.
	AdditionalCAFile string
	// AllowLoopback lets requests go to this machine itself.
	AllowLoopback bool
	// AllowedHosts are the only hosts that are contacted, separated by spaces; "" for any. See policy.ParseHosts.
	AllowedHosts string
}

// Requests configures the ways to send authorization requests.
type Requests struct {
	// RequestURI allows fetching request objects from registered addresses.
	RequestURI bool
}

// Logout configures optional ways for clients to learn of a logout.
type Logout struct {
	// SessionManagement lets clients watch a browser's session through a frame.
	SessionManagement bool
}

// Audit configures the audit log.
type Audit struct {
	// Retention is how long events are kept; 0 means forever.
	Retention time.Duration
	// Tokens records an event for each issued token.
	Tokens bool
}

// Registration configures who may register clients (RFC 7591).
type Registration struct {
	Mode string // off, initial_access_token or open
	// OpenScopes are the scopes that a client without an initial access token may register,
	// separated by spaces.
	OpenScopes string
	// OpenUnusedLifetime is after how long such a client is deleted if it was never used.
	OpenUnusedLifetime time.Duration
	// OpenBurst such clients may be registered from one address at once, and one
	// more after each OpenInterval.
	OpenBurst    int
	OpenInterval time.Duration
}

// Admin configures the access to the administration API.
type Admin struct {
	Enabled bool
	// Listen is the host and port of the API; "" means those of the server.
	Listen string
	// Networks are the allowed addresses of callers, from the connection or a listed proxy.
	Networks []netip.Prefix
	// FreshSignIn is how old the sign-in behind a dangerous operation may be; 0 for no limit.
	FreshSignIn time.Duration
	// Username, Email and Password describe the first administrator; all or none are set.
	Username string
	Email    string
	Password secret.Redacted
}

// NamesAdministrator reports whether a first administrator is configured.
func (a Admin) NamesAdministrator() bool { return a.Username != "" }

// ReachesOthers reports whether machines other than this one may administer.
func (a Admin) ReachesOthers() bool {
	return slices.ContainsFunc(a.Networks, func(network netip.Prefix) bool { return !network.Masked().Addr().IsLoopback() })
}
