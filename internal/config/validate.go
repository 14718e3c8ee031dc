package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"authly/internal/platform/secret"
	"authly/internal/protocol/metadata"
	"authly/internal/protocol/oauth"
	"authly/internal/protocol/policy"
)

// Validate checks every value and every combination of values, without looking
// at files, directories or the network.
func (c Config) Validate() Problems {
	checked := checker{config: c}
	return checked.check()
}

// checker collects the problems of a configuration.
type checker struct {
	config   Config
	failed   map[string]bool // invalid settings: checks that depend on them are skipped
	problems Problems
}

func (c *checker) check() Problems {
	if c.failed == nil {
		c.failed = map[string]bool{}
	}
	for _, o := range table {
		if !c.failed[o.name] {
			c.checkValue(o)
		}
	}
	c.checkIssuer()
	c.checkListen()
	c.checkDataDirectory()
	c.checkAddresses()
	c.checkDev()
	c.checkStorage()
	c.checkRedis()
	c.checkHeaders()
	c.checkTLS()
	c.checkLifetimes()
	c.checkPasswords()
	c.checkEgress()
	c.checkRegistration()
	c.checkAdministrator()
	c.problems.sort()
	return c.problems
}

// problem adds a problem of a setting, which then counts as failed.
func (c *checker) problem(setting, message, remedy string) {
	c.failed[setting] = true
	c.problems = append(c.problems, Problem{Setting: setting, Origin: c.config.Origin(setting), Message: message, Remedy: remedy})
}

// sound reports whether all the given settings are valid, so that they can be compared with others.
func (c *checker) sound(settings ...string) bool {
	return !slices.ContainsFunc(settings, func(setting string) bool { return c.failed[setting] })
}

// checkValue checks one value against its choices and bounds.
func (c *checker) checkValue(o option) {
	switch field := o.field(&c.config).(type) {
	case *int:
		if len(o.choices) > 0 {
			if !slices.Contains(o.choices, strconv.Itoa(*field)) {
				c.problem(o.name, fmt.Sprintf("%d is not one of its values", *field), "Choose "+alternatives(o.choices))
			}
		} else if int64(*field) < o.bounds.least || int64(*field) > o.bounds.most {
			c.problem(o.name, fmt.Sprintf("%d is out of bounds", *field), fmt.Sprintf("Choose a number from %d to %d", o.bounds.least, o.bounds.most))
		}
	case *time.Duration:
		if int64(*field) < o.bounds.least || int64(*field) > o.bounds.most {
			c.problem(o.name, formatDuration(*field)+" is out of bounds",
				"Choose a duration from "+formatDuration(time.Duration(o.bounds.least))+" to "+formatDuration(time.Duration(o.bounds.most)))
		}
	case *string:
		switch {
		case len(o.choices) > 0 && !slices.Contains(o.choices, *field):
			c.problem(o.name, quote(*field)+" is not one of its values", "Choose "+alternatives(o.choices))
		case o.standard != "" && *field == "":
			c.problem(o.name, "has no value", "Give it one, such as the default, "+o.standard)
		case strings.ContainsFunc(*field, func(r rune) bool { return r < ' ' || r == 0x7f }):
			c.problem(o.name, "has a control character in its value", "Remove it; it may be the end of a line")
		}
	case *[]netip.Prefix:
		if len(*field) > maxNetworks {
			c.problem(o.name, errManyParts.Error(), fmt.Sprintf("Give at most %d networks", maxNetworks))
		} else if slices.ContainsFunc(*field, func(network netip.Prefix) bool { return !network.IsValid() }) {
			c.problem(o.name, errNetwork.Error(), o.remedy())
		}
	}
}

// alternatives returns "a, b or c".
func alternatives(choices []string) string {
	last := len(choices) - 1
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}

func (c *checker) checkIssuer() {
	if !c.sound("issuer") {
		return
	}
	if err := metadata.ValidateIssuer(c.config.Issuer); err != nil {
		reason := strings.TrimPrefix(err.Error(), metadata.ErrInvalidIssuer.Error()+": ")
		c.problem("issuer", quote(c.config.Issuer)+" can't be the issuer: "+reason,
			"Give the URL at which people and clients reach this server, such as https://id.example.com")
	}
}

func (c *checker) checkListen() {
	c.checkAddress("listen", c.config.Listen, "Write host:port, such as 127.0.0.1:8080, or :8443 for every interface")
	if c.config.Admin.Listen == "" {
		return
	}
	c.checkAddress("admin.listen", c.config.Admin.Listen, "Write host:port, such as 127.0.0.1:8090")
	if c.sound("listen", "admin.listen") && c.config.Admin.Listen == c.config.Listen && !strings.HasSuffix(c.config.Listen, ":0") {
		c.problem("admin.listen", quote(c.config.Admin.Listen)+" is the address of listen", "Choose another port, or leave it out to have the administration there too")
	}
}

// checkAddress checks a host and a port to listen on.
func (c *checker) checkAddress(setting, address, remedy string) {
	if !c.sound(setting) {
		return
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		c.problem(setting, quote(address)+" is not a host and a port", remedy)
	} else if number, err := strconv.ParseUint(port, 10, 16); err != nil {
		c.problem(setting, quote(address)+" has no port from 0 to 65535", remedy)
	} else if strconv.FormatUint(number, 10) != port {
		c.problem(setting, quote(address)+" has a port with leading zeros", remedy)
	}
}

// checkDataDirectory refuses a URL, which would be a valid path but is never meant as one.
func (c *checker) checkDataDirectory() {
	if c.sound("data_directory") && strings.Contains(c.config.DataDirectory, "://") {
		c.problem("data_directory", quote(c.config.DataDirectory)+" is a URL, not a directory", "Name a directory; the URL of a database belongs into database.url")
	}
}

func (c *checker) checkDev() {
	if !c.config.Dev {
		return
	}
	if c.sound("listen") && !listensOnLoopback(c.config.Listen) {
		c.problem("listen", quote(c.config.Listen)+" is not a loopback address, and --dev creates demo accounts that other machines must not reach",
			"Listen on 127.0.0.1:8080, or start without --dev")
	}
	if own := c.config.Admin.Listen; own != "" && c.sound("admin.listen") && !listensOnLoopback(own) {
		c.problem("admin.listen", quote(own)+" is not a loopback address, and --dev creates a demo administrator that other machines must not reach",
			"Listen on 127.0.0.1:8090, or start without --dev")
	}
	if c.sound("issuer") && !metadata.IsLoopbackIssuer(c.config.Issuer) {
		c.problem("issuer", quote(c.config.Issuer)+" is not on this machine, which --dev asks for",
			"Use http://localhost:8080, or start without --dev")
	}
}

func (c *checker) checkStorage() {
	database, redis, key := c.config.Database.URL, c.config.Redis.URL, c.config.SealingKey
	if c.sound("database.url") && !database.IsZero() && !hasScheme(database, "postgres", "postgresql") {
		c.problem("database.url", "is not a URL that begins with postgres:// or postgresql://",
			"Write postgres://user:password@host:5432/database, or leave it out to use SQLite in the data directory; special characters in the password are %-encoded")
	}
	if c.sound("redis.url") && !redis.IsZero() && !hasScheme(redis, "redis", "rediss", "unix") {
		c.problem("redis.url", "is not a URL that begins with redis://, rediss:// or unix://",
			"Write redis://user:password@host:6379/0; special characters in the password are %-encoded")
	}
	if !c.sound("sealing_key") {
		return
	}
	const remedy = "Make one with `openssl rand -base64 32`, keep it safe, and give it in AUTHLY_SEALING_KEY_FILE or AUTHLY_SEALING_KEY"
	if !key.IsZero() {
		if _, err := secret.ParseSealingKey(key); err != nil {
			c.problem("sealing_key", "is not 32 random bytes in base64 or hexadecimal", remedy)
		}
	} else if !database.IsZero() || !c.sound("database.url") {
		c.problem("sealing_key", "is missing: with PostgreSQL it must be given, so that it isn't kept beside what it protects and every instance has the same", remedy)
	}
}

// hasScheme reports whether a secret is a URL of one of the schemes. The parser's
// error is dropped: it quotes its input.
func hasScheme(value secret.Redacted, schemes ...string) bool {
	parsed, err := url.Parse(value.Reveal())
	return err == nil && parsed.Opaque == "" && slices.Contains(schemes, parsed.Scheme) &&
		strings.HasPrefix(value.Reveal(), parsed.Scheme+"://")
}

// checkLifetimes compares lifetimes that depend on each other.
func (c *checker) checkLifetimes() {
	tokens, keys := c.config.Tokens, c.config.Keys
	c.notLonger("tokens.refresh_token_idle_lifetime", tokens.RefreshTokenIdleLifetime, "tokens.refresh_token_lifetime", tokens.RefreshTokenLifetime)
	c.notLonger("sessions.idle_lifetime", c.config.Sessions.IdleLifetime, "sessions.lifetime", c.config.Sessions.Lifetime)
	if c.sound("keys.publish_lead", "keys.rotation_interval") && keys.PublishLead >= keys.RotationInterval {
		c.problem("keys.publish_lead", formatDuration(keys.PublishLead)+" is not shorter than keys.rotation_interval, "+formatDuration(keys.RotationInterval),
			"Shorten it, or rotate less often")
	}
}

func (c *checker) notLonger(setting string, value time.Duration, limit string, most time.Duration) {
	if c.sound(setting, limit) && value > most {
		c.problem(setting, formatDuration(value)+" is longer than "+limit+", "+formatDuration(most), "Shorten it, or lengthen "+limit)
	}
}

// checkPasswords compares the memory of one hash with that of the pool.
func (c *checker) checkPasswords() {
	passwords := c.config.Passwords
	if c.sound("passwords.memory_kib", "passwords.pool_memory_mib") && passwords.PoolMemoryMiB*1024 < passwords.MemoryKiB {
		c.problem("passwords.pool_memory_mib", fmt.Sprintf("%d MiB is less than one hash takes, %d KiB", passwords.PoolMemoryMiB, passwords.MemoryKiB),
			"Raise it, or lower passwords.memory_kib")
	}
	if c.sound("passwords.memory_kib", "passwords.parallelism") && passwords.MemoryKiB < 8*passwords.Parallelism { // RFC 9106 section 3.1
		c.problem("passwords.parallelism", "needs at least 8 KiB of memory for each thread", "Lower it, or raise passwords.memory_kib")
	}
}

// checkEgress parses the allowed hosts.
func (c *checker) checkEgress() {
	if !c.sound("egress.allowed_hosts") {
		return
	}
	if _, err := policy.ParseHosts(c.config.Egress.AllowedHosts); err != nil {
		c.problem("egress.allowed_hosts", quote(c.config.Egress.AllowedHosts)+" is not a list of hosts", "Write names without a scheme and a port, with one space between them, such as keys.partner.example *.example.com")
	}
}

// checkRegistration parses the scopes of open registration.
func (c *checker) checkRegistration() {
	if !c.sound("registration.open_scopes") {
		return
	}
	scopes, err := oauth.ParseScope(c.config.Registration.OpenScopes)
	switch {
	case slices.ContainsFunc(scopes, oauth.IsAdministrationScope):
		c.problem("registration.open_scopes", "has a scope of the administration, which no client gets by registering itself", "Leave out what begins with admin:")
	case err != nil || len(scopes) == 0:
		c.problem("registration.open_scopes", quote(c.config.Registration.OpenScopes)+" is not a list of scopes", "Write their names with one space between them, such as openid profile email")
	}
}

// checkAdministrator requires all fields of the first administrator, or none.
func (c *checker) checkAdministrator() {
	admin := c.config.Admin
	set := map[string]bool{"admin.username": admin.Username != "", "admin.email": admin.Email != "", "admin.password": !admin.Password.IsZero()}
	if !c.sound("admin.username", "admin.email", "admin.password") {
		return
	}
	for _, setting := range []string{"admin.username", "admin.email", "admin.password"} {
		if !set[setting] && (admin.Username != "" || admin.Email != "" || !admin.Password.IsZero()) {
			c.problem(setting, "is missing for the first administrator", "Give admin.username, admin.email and admin.password (or AUTHLY_ADMIN_PASSWORD_FILE), or none of them")
		}
	}
	if admin.Username != "" && policy.ValidateNewUsername(admin.Username) != nil {
		c.problem("admin.username", quote(admin.Username)+" can't be a username", "Use letters of one script, digits, dots, hyphens and underscores, and nothing that looks like an identifier of the server")
	}
	if admin.Email != "" && policy.ValidateEmail(admin.Email) != nil {
		c.problem("admin.email", quote(admin.Email)+" doesn't look like an e-mail address", "Write it as in admin@example.com")
	}
	if admin.Password.IsZero() || !c.sound("passwords.minimum_length") {
		return
	}
	rules := policy.PasswordRules{MinimumCodePoints: c.config.Passwords.MinimumLength}
	if reasons := rules.Check(admin.Password.Reveal(), admin.Username, admin.Email, policy.ServiceWord); len(reasons) > 0 {
		c.problem("admin.password", c.passwordProblem(reasons[0]), "Choose another one; where there is an administrator already, leave out admin.username, admin.email and admin.password")
	}
}

// passwordProblem returns why a password is refused, without the password.
func (c *checker) passwordProblem(reason policy.PasswordReason) string {
	switch reason {
	case policy.PasswordTooShort:
		return fmt.Sprintf("is too short: it needs %d characters (passwords.minimum_length)", c.config.Passwords.MinimumLength)
	case policy.PasswordTooLong:
		return fmt.Sprintf("is too long: it can have %d characters", policy.MaxPasswordCodePoints)
	case policy.PasswordContextWord:
		return "consists of the name, the address, or the name of this service"
	case policy.PasswordTooCommon:
		return "is too common"
	case policy.PasswordNotAllowed:
		return "has characters that can't be used, such as control characters"
	default:
		return "can't be used"
	}
}
