package config

import (
	"net/netip"
	"strings"
	"time"

	"authly/internal/platform/secret"
)

// option describes one setting, for loading, checking, printing and
// the reference.
type option struct {
	name        string // section.name in the file; the variable's name follows from it
	standard    string // the default, as it would be written; "" for none
	none        string // the meaning of no value, for options without a default
	form        string // the form of a value, for options whose type doesn't say it
	flag        string // the flag of `authly serve` that sets it, without dashes; "" for none
	choices     []string
	bounds      bounds
	description string
	// field returns a pointer to the option's field: *string, *int,
	// *bool, *time.Duration, *[]netip.Prefix or *secret.Redacted. The type decides how a
	// value is read.
	field func(*Config) any
}

// bounds are the minimum and the maximum of a number or a duration (in
// nanoseconds). The zero value means no bounds.
type bounds struct{ least, most int64 }

func lasting(least, most time.Duration) bounds { return bounds{int64(least), int64(most)} }
func counting(least, most int) bounds          { return bounds{int64(least), int64(most)} }

const (
	prefix     = "AUTHLY_"
	fileSuffix = "_file" // of the twin that names the file of a secret
	day        = 24 * time.Hour
)

// variable returns the name of the environment variable of a setting.
func variable(name string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

func (o option) secret() bool {
	_, ok := o.field(new(Config)).(*secret.Redacted)
	return ok
}

// kind returns the type of the option's values, for people.
func (o option) kind() string {
	if len(o.choices) > 0 {
		return "one of " + strings.Join(o.choices, ", ")
	}
	if o.form != "" {
		return o.form
	}
	switch o.field(new(Config)).(type) {
	case *int:
		return "number"
	case *bool:
		return "true or false"
	case *time.Duration:
		return "duration"
	case *[]netip.Prefix:
		return "list of networks"
	default:
		return "text"
	}
}

// section returns the part of the name before the dot, "" for a top-level setting.
func (o option) section() string {
	section, _, nested := strings.Cut(o.name, ".")
	if !nested {
		return ""
	}
	return section
}

// find returns the option of the given name.
func find(name string) (option, bool) {
	for _, o := range table {
		if o.name == name {
			return o, true
		}
	}
	return option{}, false
}

var logLevels = []string{"debug", "info", "warn", "error"}

// signingAlgorithms are the algorithms (RFC 7518 section 3.1, RFC 8037 section
// 3.1) that may sign an access token.
var signingAlgorithms = []string{"RS256", "ES256", "PS256", "EdDSA"}

// table has all options, by section, in the order in which they are
// documented, printed and checked.
var table = []option{
	{
		name: "issuer", flag: "issuer", form: "URL", standard: "http://localhost:8080",
		field:       func(c *Config) any { return &c.Issuer },
		description: "The URL by which clients know this server; every other URL is built from it. It may have a path, but no trailing slash, query or fragment. It must be https, except on a loopback host. Clients store it: changing it later breaks them.",
	},
	{
		name: "listen", flag: "listen", form: "host:port", standard: "127.0.0.1:8080",
		field:       func(c *Config) any { return &c.Listen },
		description: "The address to listen on. `:8443` listens on every interface, port 0 picks a free port.",
	},
	{
		name: "data_directory", flag: "data-directory", form: "directory", standard: "./authly-data",
		field:       func(c *Config) any { return &c.DataDirectory },
		description: "The directory of the SQLite database and of a generated sealing key. It is created with mode 0700, and not needed with PostgreSQL and a given sealing key.",
	},
	{
		name: "sealing_key", form: "32 bytes as base64 or hexadecimal", none: "a key in the data directory (SQLite only)",
		field:       func(c *Config) any { return &c.SealingKey },
		description: "The key that protects private keys and other secrets in the database. `openssl rand -base64 32` generates one. If it is lost, so is what it protects.",
	},
	{
		name: "trusted_proxies", form: "networks, separated by commas", none: "none",
		field:       func(c *Config) any { return &c.TrustedProxies },
		description: "The reverse proxies whose `X-Forwarded-For` header is trusted, such as `10.0.0.0/8, 192.0.2.1`. In a file it may be a list.",
	},
	{
		name: "shutdown_timeout", standard: "15s", bounds: lasting(time.Second, 15*time.Second),
		field:       func(c *Config) any { return &c.ShutdownTimeout },
		description: "How long requests in progress may take to finish after a signal to stop.",
	},
	{
		name: "server.max_connections", standard: "4096", bounds: counting(16, 1_000_000),
		field:       func(c *Config) any { return &c.Server.MaxConnections },
		description: "The maximum number of open client connections. At the limit, a new connection replaces the one that has waited longest for a request; if all are serving requests, the new one is closed. Each takes a file descriptor.",
	},
	{
		name: "server.max_connections_per_address", standard: "512", bounds: counting(1, 1_000_000),
		field:       func(c *Config) any { return &c.Server.MaxConnectionsPerAddress },
		description: "The maximum number of open connections from one IPv4 address or IPv6 /64. At the limit, a new connection replaces the one of that address that has waited longest for a request; if all are serving requests, the new one is closed. It does not apply to `trusted_proxies`.",
	},
	{
		name: "server.allow_plaintext", standard: "false",
		field:       func(c *Config) any { return &c.Server.AllowPlaintext },
		description: "Whether machines other than the proxies of `trusted_proxies` may use this server without TLS although the issuer is https. Only for a private network behind a proxy whose address can't be listed: passwords and tokens cross it in clear. Otherwise such a connection can only use `/healthz` and `/readyz`.",
	},
	{
		name: "headers.hsts_include_subdomains", standard: "false",
		field:       func(c *Config) any { return &c.Headers.HSTSIncludeSubdomains },
		description: "Whether browsers must also use https for all names below the issuer's host, for a year after each visit. Only if all of them support it.",
	},
	{
		name: "headers.csp_report_uri", form: "https URL", none: "browsers report nothing",
		field:       func(c *Config) any { return &c.Headers.CSPReportURI },
		description: "Where browsers report what the content security policy of a page has blocked. Reports contain the addresses of pages, with their queries.",
	},
	{
		name: "database.url", form: "postgres:// URL", none: "SQLite in the data directory",
		field:       func(c *Config) any { return &c.Database.URL },
		description: "The PostgreSQL database, such as `postgres://authly@db.example.com/authly?sslmode=verify-full`, with the password after the user name and a colon.",
	},
	{
		name: "database.max_connections", standard: "0", bounds: counting(0, 1000),
		field:       func(c *Config) any { return &c.Database.MaxConnections },
		description: "The maximum number of database connections; 0 means the engine's default.",
	},
	{
		name: "database.allow_plaintext", standard: "false",
		field:       func(c *Config) any { return &c.Database.AllowPlaintext },
		description: "Whether the database may be on another machine without verified TLS. Otherwise `database.url` needs `sslmode=verify-full`, or `verify-ca` with an `sslrootcert`, unless the database is on this machine.",
	},
	{
		name: "redis.url", form: "redis://, rediss:// or unix:// URL", none: "counters are kept in the database",
		field:       func(c *Config) any { return &c.Redis.URL },
		description: "The Redis server in which several instances share their counters. Losing it costs speed, never the single use of a code or a token.",
	},
	{
		name: "redis.ca_file", form: "PEM file", none: "the system's certificate authorities",
		field:       func(c *Config) any { return &c.Redis.CAFile },
		description: "The certificate authorities of the Redis server of a `rediss://` URL, instead of the system's.",
	},
	{
		name: "redis.allow_plaintext", standard: "false",
		field:       func(c *Config) any { return &c.Redis.AllowPlaintext },
		description: "Whether Redis may be on another machine without verified TLS. Otherwise `redis.url` must begin with `rediss://` or `unix://`, unless Redis is on this machine.",
	},
	{
		name: "tls.certificate_file", form: "PEM file", none: "plain http, for a proxy in front",
		field:       func(c *Config) any { return &c.TLS.CertificateFile },
		description: "The certificate, followed by its intermediates. It is read again when it changes.",
	},
	{
		name: "tls.key_file", form: "PEM file", none: "plain http, for a proxy in front",
		field:       func(c *Config) any { return &c.TLS.KeyFile },
		description: "The private key of the certificate. Give both files, or neither.",
	},
	{
		name: "log.level", flag: "log-level", standard: "info", choices: logLevels,
		field:       func(c *Config) any { return &c.Log.Level },
		description: "The minimum level of logged messages.",
	},
	{
		name: "log.format", flag: "log-format", standard: "auto", choices: []string{"auto", "text", "json"},
		field:       func(c *Config) any { return &c.Log.Format },
		description: "The format of log lines; `auto` is text on a terminal and JSON elsewhere.",
	},
	{
		name: "tokens.access_token_lifetime", standard: "10m", bounds: lasting(30*time.Second, day),
		field:       func(c *Config) any { return &c.Tokens.AccessTokenLifetime },
		description: "How long an access token is valid. A resource server that only checks the signature can't learn of a revocation earlier.",
	},
	{
		name: "tokens.id_token_lifetime", standard: "10m", bounds: lasting(30*time.Second, day),
		field:       func(c *Config) any { return &c.Tokens.IDTokenLifetime },
		description: "How long an ID token is valid.",
	},
	{
		name: "tokens.refresh_token_idle_lifetime", standard: "14d", bounds: lasting(5*time.Minute, 365*day),
		field:       func(c *Config) any { return &c.Tokens.RefreshTokenIdleLifetime },
		description: "How long a refresh token stays valid without being used. It can't be longer than `tokens.refresh_token_lifetime`.",
	},
	{
		name: "tokens.refresh_token_lifetime", standard: "90d", bounds: lasting(5*time.Minute, 730*day),
		field:       func(c *Config) any { return &c.Tokens.RefreshTokenLifetime },
		description: "How long a refresh token's family stays valid after the authorization, however often it is refreshed.",
	},
	{
		name: "tokens.refresh_token_reuse_window", standard: "30s", bounds: lasting(0, 2*time.Minute),
		field:       func(c *Config) any { return &c.Tokens.RefreshTokenReuseWindow },
		description: "How long a rotated refresh token, presented again by its client, returns the same successor. After that, reuse ends the whole family. 0 treats every repetition as reuse.",
	},
	{
		name: "tokens.refresh_token_repetitions", standard: "3", bounds: counting(0, 100),
		field: func(c *Config) any { return &c.Tokens.RefreshTokenRepetitions },
		description: "How many rotations of refresh tokens in a row may be repeated within `tokens.refresh_token_reuse_window`. One more is reuse and ends the whole family, " +
			"as two parties use it. Any number of requests with one token is one repetition; what is older than `tokens.refresh_token_idle_lifetime` doesn't count. 0 never ends a family for this.",
	},
	{
		name: "tokens.authorization_code_lifetime", standard: "1m", bounds: lasting(10*time.Second, 60*time.Second),
		field:       func(c *Config) any { return &c.Tokens.AuthorizationCodeLifetime },
		description: "How long an authorization code can be redeemed.",
	},
	{
		name: "tokens.access_token_signing_algorithm", standard: "ES256", choices: signingAlgorithms,
		field:       func(c *Config) any { return &c.Tokens.AccessTokenSigningAlgorithm },
		description: "The algorithm that signs access tokens in the form of a JWT (RFC 9068).",
	},
	{
		name: "tokens.id_token_signing_algorithm", standard: "RS256", choices: signingAlgorithms,
		field:       func(c *Config) any { return &c.Tokens.IDTokenSigningAlgorithm },
		description: "The algorithm that signs ID tokens and logout tokens of clients registered without `id_token_signed_response_alg`. RS256 is the default of OpenID Connect, which simple clients rely on. A change applies to new clients, and to records that are replaced without the parameter.",
	},
	{
		name: "tokens.allow_weak_encryption", standard: "false",
		field:       func(c *Config) any { return &c.Tokens.AllowWeakEncryption },
		description: "Whether clients can register `RSA-OAEP`, which is built on SHA-1, for encrypted ID tokens or UserInfo responses. Only for clients that support neither `RSA-OAEP-256` nor `ECDH-ES`. If it is turned off, existing clients keep it until their record is changed.",
	},
	{
		name: "sessions.idle_lifetime", standard: "1d", bounds: lasting(5*time.Minute, 30*day),
		field:       func(c *Config) any { return &c.Sessions.IdleLifetime },
		description: "How long a browser stays signed in without being used. It can't be longer than `sessions.lifetime`.",
	},
	{
		name: "sessions.lifetime", standard: "7d", bounds: lasting(5*time.Minute, 30*day),
		field:       func(c *Config) any { return &c.Sessions.Lifetime },
		description: "How long a browser stays signed in at most. NIST SP 800-63B-4 allows no more than 30 days with a password alone, and 24 hours with two factors.",
	},
	{
		name: "sessions.interaction_lifetime", standard: "1h", bounds: lasting(5*time.Minute, day),
		field:       func(c *Config) any { return &c.Sessions.InteractionLifetime },
		description: "How long a started sign-in can be completed.",
	},
	{
		name: "sessions.maximum_per_account", standard: "50", bounds: counting(1, 1000),
		field:       func(c *Config) any { return &c.Sessions.MaximumPerAccount },
		description: "The maximum number of browsers in which an account can be signed in. One more sign-in ends the oldest session, as a sign-out would, with the tokens that depend on it.",
	},
	{
		name: "passwords.memory_kib", standard: "19456", bounds: counting(19456, 1<<20),
		field:       func(c *Config) any { return &c.Passwords.MemoryKiB },
		description: "The memory of one argon2id hash, in KiB. If this or one of the next two is raised, stored hashes are renewed at the next sign-in.",
	},
	{
		name: "passwords.iterations", standard: "2", bounds: counting(2, 16),
		field:       func(c *Config) any { return &c.Passwords.Iterations },
		description: "The passes of argon2id over its memory.",
	},
	{
		name: "passwords.parallelism", standard: "1", bounds: counting(1, 16),
		field:       func(c *Config) any { return &c.Passwords.Parallelism },
		description: "The threads of one argon2id hash.",
	},
	{
		name: "passwords.pool_memory_mib", standard: "256", bounds: counting(19, 65536),
		field:       func(c *Config) any { return &c.Passwords.PoolMemoryMiB },
		description: "The memory of all concurrent password hashes together, in MiB. Sign-ins beyond that wait.",
	},
	{
		name: "passwords.minimum_length", standard: "15", bounds: counting(15, 64),
		field:       func(c *Config) any { return &c.Passwords.MinimumLength },
		description: "The minimum length of a new password, in characters. NIST SP 800-63B-4 asks for 15 if the password is the only factor.",
	},
	{
		name: "throttle.account_burst", standard: "10", bounds: counting(1, 100),
		field:       func(c *Config) any { return &c.Throttle.AccountBurst },
		description: "How many sign-in attempts for one account are allowed at once, under each of its names. Under all names together one more is checked; after that each attempt looks like a wrong password, so that it doesn't reveal that two names belong together.",
	},
	{
		name: "throttle.account_interval", standard: "30s", bounds: lasting(time.Second, time.Hour),
		field:       func(c *Config) any { return &c.Throttle.AccountInterval },
		description: "After the burst, one more attempt for an account is allowed after each interval.",
	},
	{
		name: "throttle.address_burst", standard: "50", bounds: counting(1, 10000),
		field:       func(c *Config) any { return &c.Throttle.AddressBurst },
		description: "How many sign-in attempts from one network address are allowed at once. Networks count too: an IPv6 /64 as one address, a /56 as 4 and a /48 as 16, and an IPv4 /24 as 16.",
	},
	{
		name: "throttle.address_interval", standard: "2s", bounds: lasting(10*time.Millisecond, time.Hour),
		field:       func(c *Config) any { return &c.Throttle.AddressInterval },
		description: "After the burst, one more attempt from an address is allowed after each interval.",
	},
	{
		name: "throttle.begun_burst", standard: "20000", bounds: counting(100, 10_000_000),
		field:       func(c *Config) any { return &c.Throttle.BegunBurst },
		description: "How many sign-ins all browsers together may start at once on one instance. Above that, new browsers wait; those that are signed in or have started a sign-in continue.",
	},
	{
		name: "throttle.begun_interval", standard: "20ms", bounds: lasting(time.Microsecond, time.Second),
		field:       func(c *Config) any { return &c.Throttle.BegunInterval },
		description: "After the burst, one more sign-in may be started after each interval.",
	},
	{
		name: "keys.rotation_interval", standard: "90d", bounds: lasting(day, 730*day),
		field:       func(c *Config) any { return &c.Keys.RotationInterval },
		description: "How long a key signs before the next one replaces it.",
	},
	{
		name: "keys.publish_lead", standard: "1d", bounds: lasting(time.Hour, 30*day),
		field:       func(c *Config) any { return &c.Keys.PublishLead },
		description: "How long the next key is in the JWKS before it signs, so that clients that cache the JWKS have it. It must be shorter than `keys.rotation_interval`.",
	},
	{
		name: "keys.retain_retired", standard: "60d", bounds: lasting(day, 1095*day),
		field:       func(c *Config) any { return &c.Keys.RetainRetired },
		description: "How long a key that no longer signs stays in the JWKS. It must be at least the lifetime of the tokens that it signed.",
	},
	{
		name: "keys.rsa_bits", standard: "3072", choices: []string{"2048", "3072", "4096"},
		field:       func(c *Config) any { return &c.Keys.RSABits },
		description: "The size of new RSA keys, for RS256 and PS256. Existing keys keep their size, including the next one, which is already published. 2048 is for clients that don't support more; a signature with 4096 costs more than twice as much as with 3072.",
	},
	{
		name: "egress.additional_ca_file", form: "PEM file", none: "the system's certificate authorities alone",
		field:       func(c *Config) any { return &c.Egress.AdditionalCAFile },
		description: "Certificate authorities that are trusted in addition to the system's for requests to clients' addresses.",
	},
	{
		name: "egress.allowed_hosts", form: "hosts, separated by spaces", none: "any public host",
		field:       func(c *Config) any { return &c.Egress.AllowedHosts },
		description: "The only hosts to which this server sends requests, such as `keys.partner.example *.example.com`; `*.example.com` means all names below it. Clients can't register addresses on other hosts (`jwks_uri`, `sector_identifier_uri`, `request_uris`, `backchannel_logout_uri`, logos), and existing ones are not used.",
	},
	{
		name: "egress.allow_loopback", standard: "false",
		field:       func(c *Config) any { return &c.Egress.AllowLoopback },
		description: "Whether clients may have addresses on this machine, also with plain http. For development and tests only: anyone who may register a client can then reach the services of this machine.",
	},
	{
		name: "requests.request_uri", standard: "false",
		field:       func(c *Config) any { return &c.Requests.RequestURI },
		description: "Whether clients may keep request objects at registered addresses, from which this server fetches them during a sign-in (OpenID Connect Core 1.0, section 6.2).",
	},
	{
		name: "logout.session_management", standard: "false",
		field:       func(c *Config) any { return &c.Logout.SessionManagement },
		description: "Whether clients may watch through a hidden frame if the browser's session is still the same (OpenID Connect Session Management 1.0). It works only for clients on the same site as the issuer: elsewhere most browsers withhold the cookie that the frame needs, so that it always reports a change, and a silent request in a frame finds no signed-in user. Clients on other sites need front-channel or back-channel logout instead, which are always on.",
	},
	{
		name: "audit.retention", standard: "400d", bounds: lasting(0, 3650*day),
		field:       func(c *Config) any { return &c.Audit.Retention },
		description: "How long the events of the audit log are kept. They are deleted in whole batches, so some are kept slightly longer; 0 means forever.",
	},
	{
		name: "audit.tokens", standard: "true",
		field:       func(c *Config) any { return &c.Audit.Tokens },
		description: "Whether the audit log has an event for each access token that is issued or refreshed. They are most of its events: about a kilobyte each in the database, for as long as events are kept. Without them there is no record of expired tokens.",
	},
	{
		name: "registration.mode", standard: "off", choices: []string{"off", "initial_access_token", "open"},
		field:       func(c *Config) any { return &c.Registration.Mode },
		description: "Who may register clients at `/oauth/register` (RFC 7591): no one; clients with an initial access token, which `authly local registration-token create` creates; or anyone.",
	},
	{
		name: "registration.open_scopes", form: "scopes, separated by spaces", standard: "openid profile email offline_access",
		field:       func(c *Config) any { return &c.Registration.OpenScopes },
		description: "The scopes that a client registered without an initial access token may request. With one, the token's policy decides.",
	},
	{
		name: "registration.open_unused_lifetime", standard: "7d", bounds: lasting(time.Hour, 365*day),
		field:       func(c *Config) any { return &c.Registration.OpenUnusedLifetime },
		description: "After how long a client that was registered without an initial access token and never used is deleted.",
	},
	{
		name: "registration.open_burst", standard: "20", bounds: counting(1, 10000),
		field:       func(c *Config) any { return &c.Registration.OpenBurst },
		description: "How many clients may be registered at once from one network address without an initial access token.",
	},
	{
		name: "registration.open_interval", standard: "1m", bounds: lasting(time.Second, day),
		field:       func(c *Config) any { return &c.Registration.OpenInterval },
		description: "After the burst, one more client may be registered from an address after each interval.",
	},
	{
		name: "admin.enabled", standard: "true",
		field:       func(c *Config) any { return &c.Admin.Enabled },
		description: "Whether the administration API is served, at `/api/v1/admin`.",
	},
	{
		name: "admin.listen", form: "host:port", none: "the API is served at the address of `listen`",
		field:       func(c *Config) any { return &c.Admin.Listen },
		description: "A separate address to listen on for the administration API, which is then not served elsewhere. Other machines can reach it only with TLS: with `tls.certificate_file`, or through a proxy of `trusted_proxies` if the issuer is https. `admin.networks` applies there too.",
	},
	{
		name: "admin.networks", form: "networks, separated by commas", standard: "127.0.0.0/8, ::1",
		field:       func(c *Config) any { return &c.Admin.Networks },
		description: "The networks from which this server can be administered; by default only this machine. The address is that of the connection, or the one that a proxy of `trusted_proxies` sends. A request through another proxy is refused. In a file it may be a list.",
	},
	{
		name: "admin.fresh_sign_in", standard: "15m", bounds: lasting(0, day),
		field:       func(c *Config) any { return &c.Admin.FreshSignIn },
		description: "How long ago a sign-in may be for what is dangerous in the administration: to make an administrator, change how others sign in, change signing keys or a client's credentials, make initial access tokens, or delete accounts, clients and scopes (RFC 9470). The commands sign in again by themselves where there is a terminal. For a client on its own behalf the age of its access token counts. 0 lets any sign-in do.",
	},
	{
		name: "admin.username", form: "username", none: "the first administrator is created at a one-time URL that the start prints",
		field:       func(c *Config) any { return &c.Admin.Username },
		description: "The first administrator, created at the start if there is none. Once there is any administrator, these three settings do nothing, and change no password. An existing account with that name is not made an administrator: the start fails.",
	},
	{
		name: "admin.email", form: "e-mail address", none: "needed with `admin.username`",
		field:       func(c *Config) any { return &c.Admin.Email },
		description: "The e-mail address of that administrator.",
	},
	{
		name: "admin.password", form: "password", none: "needed with `admin.username`",
		field:       func(c *Config) any { return &c.Admin.Password },
		description: "The password of that administrator. It is used only to create the account: change it after that.",
	},
}
