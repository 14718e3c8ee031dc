package config

import (
	"net/netip"
	"slices"
	"time"

	"authly/internal/platform/secret"
)

// Config is the whole configuration. Every field but Dev is one entry of the
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

	// SealingKey protects private keys at rest: 32 bytes as secret.ParseSealingKey
	// reads them. Empty means that one is made in the data directory (SQLite only).
	SealingKey secret.Redacted

	Server  Server
	Headers Headers
	TLS     TLS
	// TrustedProxies are the networks whose forwarded headers are believed.
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

	// ShutdownTimeout bounds how long requests in flight may take to finish.
	ShutdownTimeout time.Duration

	// Dev seeds demo data and serves the playground. Only the flag --dev sets it.
	Dev bool

	origins  map[string]string
	warnings []string
}

// Database says where rows are kept.
type Database struct {
	// URL of a PostgreSQL database (postgres://…). Empty means SQLite in the data directory.
	URL secret.Redacted
	// MaxConnections bounds the connection pool; 0 means a default that suits the engine.
	MaxConnections int
	// AllowPlaintext lets the database be on another machine without verified TLS.
	AllowPlaintext bool
}

// Redis says where short-lived counters are shared between several instances.
type Redis struct {
	// URL is redis://… or rediss://…. Empty means none: counters are kept by the program itself.
	URL secret.Redacted
	// CAFile is a PEM file with the certificate authorities of a rediss:// server; the system's if empty.
	CAFile string
	// AllowPlaintext lets Redis be on another machine without verified TLS.
	AllowPlaintext bool
}

// Server says which connections are taken.
type Server struct {
	// MaxConnections and MaxConnectionsPerAddress bound what is open at one time on each
	// address that is listened on.
	MaxConnections           int
	MaxConnectionsPerAddress int
	// AllowPlaintext lets other machines than the listed proxies connect without TLS
	// although the issuer is https.
	AllowPlaintext bool
}

// Headers says what answers tell browsers.
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

// Log says what is logged and how.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // auto (text on a terminal, else json), text or json
}

// Tokens has the lifetimes of everything that is issued to clients.
type Tokens struct {
	AccessTokenLifetime       time.Duration
	IDTokenLifetime           time.Duration
	RefreshTokenIdleLifetime  time.Duration // since it was last used
	RefreshTokenLifetime      time.Duration // since the authorization, however often it was used
	RefreshTokenReuseWindow   time.Duration // in which the same token gives the same successor
	RefreshTokenRepetitions   int           // rotations in a row that may be repeated within that window, 0 for any number
	AuthorizationCodeLifetime time.Duration
	// AccessTokenSigningAlgorithm is the JWS algorithm of JWT access tokens (RFC 9068 section 2.1).
	AccessTokenSigningAlgorithm string
	// IDTokenSigningAlgorithm is the JWS algorithm of ID tokens for clients that name none.
	IDTokenSigningAlgorithm string
	// AllowWeakEncryption lets clients be registered for key algorithms on SHA-1.
	AllowWeakEncryption bool
}

// Sessions has the lifetimes and the number of what browsers hold.
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
	PoolMemoryMiB int // what all hashing at one time may use together
	MinimumLength int // in Unicode code points
}

// Throttle bounds attempts to sign in: a burst is allowed at once, and one more
// after each interval.
type Throttle struct {
	AccountBurst    int
	AccountInterval time.Duration
	AddressBurst    int
	AddressInterval time.Duration
	// BegunBurst and BegunInterval bound the sign-ins that all together begin.
	BegunBurst    int
	BegunInterval time.Duration
}

// Keys has the schedule of the signing keys, and their size.
type Keys struct {
	RotationInterval time.Duration // how long one key signs
	PublishLead      time.Duration // how long the next key is published before it signs
	RetainRetired    time.Duration // how long a key is published after it last signed
	RSABits          int           // the size of new RSA keys
}

// Egress bounds what this server asks of others: the addresses that clients
// registered.
type Egress struct {
	// AdditionalCAFile is a PEM file with certificate authorities besides the system's.
	AdditionalCAFile string
	// AllowLoopback lets requests go to this machine itself.
	AllowLoopback bool
	// AllowedHosts are the only hosts that are asked, separated by spaces; "" for any. See policy.ParseHosts.
	AllowedHosts string
}

// Requests says how clients may send authorization requests.
type Requests struct {
	// RequestURI lets request objects be fetched from registered addresses.
	RequestURI bool
}

// Logout says how clients learn of a logout, besides the ways that are always there.
type Logout struct {
	// SessionManagement lets clients watch a browser's session by a frame.
	SessionManagement bool
}

// Audit says what is kept of what happened.
type Audit struct {
	// Retention is how long events are kept; 0 means for ever.
	Retention time.Duration
	// Tokens reports whether the issue of each token is kept as an event.
	Tokens bool
}

// Registration says who may register clients (RFC 7591).
type Registration struct {
	Mode string // off, initial_access_token or open
	// OpenScopes are what a client may register that has no initial access token,
	// separated by spaces.
	OpenScopes string
	// OpenUnusedLifetime is after how long such a client is deleted that was never used.
	OpenUnusedLifetime time.Duration
	// OpenBurst such clients may be registered from one address at once, and one
	// more after each OpenInterval.
	OpenBurst    int
	OpenInterval time.Duration
}

// Admin says from where this server can be administered over HTTP.
type Admin struct {
	Enabled bool
	// Listen is the host and port of the API's own; "" means those of the server.
	Listen string
	// Networks are the callers' addresses, from the connection or a listed proxy.
	Networks []netip.Prefix
	// FreshSignIn is how long ago the sign-in behind a dangerous operation may be; 0 for any time.
	FreshSignIn time.Duration
	// Username, Email and Password are those of the first administrator, all of them or none.
	Username string
	Email    string
	Password secret.Redacted
}

// NamesAdministrator reports whether there are the details of a first administrator.
func (a Admin) NamesAdministrator() bool { return a.Username != "" }

// ReachesOthers reports whether other machines than this one may administer.
func (a Admin) ReachesOthers() bool {
	return slices.ContainsFunc(a.Networks, func(network netip.Prefix) bool { return !network.Masked().Addr().IsLoopback() })
}
