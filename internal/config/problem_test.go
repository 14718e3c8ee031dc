package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"authly/internal/platform/secret"
)

// summary returns "setting: message" for each problem.
func summary(problems Problems) string {
	lines := make([]string, len(problems))
	for i, problem := range problems {
		lines[i] = problem.Setting + ": " + problem.Message
	}
	return strings.Join(lines, "\n")
}

// RFC 8414 section 2: clients compare the issuer as a text, so it has one spelling.
func TestIssuerWithASlashAtItsEnd(t *testing.T) {
	ledger.Holds(t, "trap-4 an issuer without a slash at its end")
	for issuer, want := range map[string]string{
		"https://id.example.com": "", "https://id.example.com/tenant": "",
		"https://id.example.com/": "slash", "https://id.example.com/tenant/": "slash",
	} {
		_, err := Load(LoadOptions{Environment: environment(t, "AUTHLY_ISSUER="+issuer)})
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

// TestProblems has one wrong configuration a row, and what is said of it.
func TestProblems(t *testing.T) {
	file := func(content string) LoadOptions { return LoadOptions{File: write(t, "authly.yaml", content)} }
	lines := func(lines ...string) LoadOptions { return LoadOptions{Environment: environment(t, lines...)} }
	dev := func(lines ...string) LoadOptions {
		return LoadOptions{Environment: environment(t, lines...), Dev: true}
	}
	certificate, key := selfSigned(t, "id.example.com")
	for _, test := range []struct {
		name    string
		options LoadOptions
		want    string // the summary, or a part of it after "…"
	}{
		{"rfc8414-2 plain http on another host", lines("AUTHLY_ISSUER=http://id.example.com"), `…must be https`},
		{"rfc8414-2 query", lines("AUTHLY_ISSUER=https://id.example.com?a=b"), `…query`},
		{"rfc8414-2 fragment", lines("AUTHLY_ISSUER=https://id.example.com#a"), `…issuer: "https://id.example.com#a" can't be the issuer`},
		{"issuer of another scheme", lines("AUTHLY_ISSUER=ftp://id.example.com"), `…can't be the issuer`},
		{"listen without port", lines("AUTHLY_LISTEN=127.0.0.1"), `listen: "127.0.0.1" is not a host and a port`},
		{"listen with a port too large", lines("AUTHLY_LISTEN=127.0.0.1:70000"), `listen: "127.0.0.1:70000" has no port from 0 to 65535`},
		{"listen with a name for a port", lines("AUTHLY_LISTEN=127.0.0.1:http"), `listen: "127.0.0.1:http" has no port from 0 to 65535`},
		{"plain http for other machines", lines("AUTHLY_LISTEN=:8080"), `listen: ":8080" can be reached from other machines, but the issuer "http://localhost:8080" is plain http`},
		{"plain http for other machines by name", lines("AUTHLY_LISTEN=host.example:8080"), `…can be reached from other machines`},
		{"no address for the administration", lines("AUTHLY_ADMIN_LISTEN=8090"), `admin.listen: "8090" is not a host and a port`},
		{"the same address for the administration", lines("AUTHLY_ADMIN_LISTEN=127.0.0.1:8080"), `admin.listen: "127.0.0.1:8080" is the address of listen`},
		{"administration for anybody", lines("AUTHLY_REGISTRATION_OPEN_SCOPES=openid admin:users:write"), `registration.open_scopes: has a scope of the administration, which no client gets by registering itself`},
		{"half an administrator", lines("AUTHLY_ADMIN_USERNAME=root", "AUTHLY_ADMIN_PASSWORD=seven green bicycles"), `admin.email: is missing for the first administrator`},
		{"an administrator's short password", lines("AUTHLY_ADMIN_USERNAME=root", "AUTHLY_ADMIN_EMAIL=a@b.example", "AUTHLY_ADMIN_PASSWORD=hunter2"), `admin.password: is too short: it needs 15 characters (passwords.minimum_length)`},
		{"an administrator's password below a longer minimum", lines("AUTHLY_ADMIN_USERNAME=root", "AUTHLY_ADMIN_EMAIL=a@b.example", "AUTHLY_ADMIN_PASSWORD=seven green bicycles", "AUTHLY_PASSWORDS_MINIMUM_LENGTH=30"), `admin.password: is too short: it needs 30 characters (passwords.minimum_length)`},
		{"an administrator's password of the service's name", lines("AUTHLY_ADMIN_USERNAME=root", "AUTHLY_ADMIN_EMAIL=a@b.example", "AUTHLY_ADMIN_PASSWORD=authly authly 2026"), `admin.password: consists of the name, the address, or the name of this service`},
		{"an administrator's common password", lines("AUTHLY_ADMIN_USERNAME=root", "AUTHLY_ADMIN_EMAIL=a@b.example", "AUTHLY_ADMIN_PASSWORD=passwordpassword"), `admin.password: is too common`},
		{"an administrator's wrong name", lines("AUTHLY_ADMIN_USERNAME=a b", "AUTHLY_ADMIN_EMAIL=a@b.example", "AUTHLY_ADMIN_PASSWORD=seven green bicycles"), `admin.username: "a b" can't be a username`},
		{"an administrator's wrong address", lines("AUTHLY_ADMIN_USERNAME=root", "AUTHLY_ADMIN_EMAIL=root", "AUTHLY_ADMIN_PASSWORD=seven green bicycles"), `admin.email: "root" doesn't look like an e-mail address`},
		{"administration in plain http", lines("AUTHLY_ADMIN_LISTEN=:8090", "AUTHLY_ISSUER=https://id.example.com"), `admin.listen: ":8090" can be reached from other machines, and the administration would be plain http there`},
		{"administration in plain http behind a proxy", lines("AUTHLY_ADMIN_LISTEN=0.0.0.0:8090", "AUTHLY_TRUSTED_PROXIES=10.0.0.1"), `admin.listen: "0.0.0.0:8090" can be reached from other machines, and the administration would be plain http there`},
		{"dev with an administration for others", dev("AUTHLY_ADMIN_LISTEN=192.0.2.1:8090"), `admin.listen: "192.0.2.1:8090" is not a loopback address, and --dev creates a demo administrator that other machines must not reach`},
		{"dev on every interface", dev("AUTHLY_LISTEN=0.0.0.0:8080"), `listen: "0.0.0.0:8080" is not a loopback address, and --dev creates demo accounts that other machines must not reach`},
		{"dev with a public issuer", dev("AUTHLY_ISSUER=https://id.example.com"), `issuer: "https://id.example.com" is not on this machine, which --dev asks for`},
		{"dev by variable", lines("AUTHLY_DEV=true"), `AUTHLY_DEV: is an environment variable that is not a setting`},
		{"dev by file", file("dev: true\n"), `dev: is not a setting`},
		{"PostgreSQL without sealing key", lines("AUTHLY_DATABASE_URL=" + somePG), `sealing_key: is missing: with PostgreSQL it must be given, so that it isn't kept beside what it protects and every instance has the same`},
		{"PostgreSQL in a file that isn't there, without sealing key", lines("AUTHLY_DATABASE_URL_FILE=/nowhere/url"), "sealing_key: is missing: with PostgreSQL it must be given, so that it isn't kept beside what it protects and every instance has the same\ndatabase.url: the file that it names does not exist"},
		{"database of unknown kind", lines("AUTHLY_DATABASE_URL=mysql://u:p@h/d", "AUTHLY_SEALING_KEY="+someKey), `database.url: is not a URL that begins with postgres:// or postgresql://`},
		{"database as key and value pairs", lines("AUTHLY_DATABASE_URL=host=h password=p", "AUTHLY_SEALING_KEY="+someKey), `database.url: is not a URL that begins with postgres:// or postgresql://`},
		{"database URL without slashes", lines("AUTHLY_DATABASE_URL=postgres:x", "AUTHLY_SEALING_KEY="+someKey), `database.url: is not a URL that begins with postgres:// or postgresql://`},
		{"Redis of unknown kind", lines("AUTHLY_REDIS_URL=http://h"), `redis.url: is not a URL that begins with redis://, rediss:// or unix://`},
		{"Redis on another machine in clear", lines("AUTHLY_REDIS_URL=redis://:p@cache.example.com/0"), `redis.url: leads to another machine, "cache.example.com", without TLS that verifies it`},
		{"Redis on another machine, whoever it is", lines("AUTHLY_REDIS_URL=rediss://:p@cache.example.com/0?skip_verify=true"), `redis.url: leads to another machine, "cache.example.com", without TLS that verifies it`},
		{"Redis URL with an unknown parameter", lines("AUTHLY_REDIS_URL=redis://localhost/0?colour=blue"), `…redis.url: can't be understood`},
		{"Redis authorities without TLS", lines("AUTHLY_REDIS_URL=redis://localhost", "AUTHLY_REDIS_CA_FILE="+certificate), `redis.ca_file: is given, but redis.url doesn't begin with rediss://`},
		{"Redis authorities that are none", lines("AUTHLY_REDIS_URL=rediss://localhost", "AUTHLY_REDIS_CA_FILE="+key), `…has no certificate in PEM`},
		{"database on another machine with no word of TLS", lines("AUTHLY_DATABASE_URL=postgres://u:p@db.example.com/d", "AUTHLY_SEALING_KEY="+someKey), `database.url: leads to another machine, "db.example.com", without TLS that verifies it`},
		{"database on another machine without TLS", lines("AUTHLY_DATABASE_URL=postgres://u:p@192.0.2.1/d?sslmode=disable", "AUTHLY_SEALING_KEY="+someKey), `database.url: leads to another machine, "192.0.2.1", without TLS that verifies it`},
		{"database with a mode that is none", lines("AUTHLY_DATABASE_URL=postgres://u:p@localhost/d?sslmode=perhaps", "AUTHLY_SEALING_KEY="+someKey), `…database.url: can't be used: the PostgreSQL URL can't be understood`},
		{"in clear for other machines under an https issuer", lines("AUTHLY_ISSUER=https://id.example.com", "AUTHLY_LISTEN=:8080"), `listen: ":8080" can be reached from other machines, and passwords and tokens would cross the network in clear there`},
		{"reports in clear", lines("AUTHLY_HEADERS_CSP_REPORT_URI=http://reports.example.com"), `headers.csp_report_uri: "http://reports.example.com" is not an https URL that can stand in a header`},
		{"reports with a directive", lines("AUTHLY_HEADERS_CSP_REPORT_URI=https://reports.example.com/;script-src"), `…is not an https URL that can stand in a header`},
		{"reports with a quote", lines(`AUTHLY_HEADERS_CSP_REPORT_URI=https://reports.example.com/"`), `…is not an https URL that can stand in a header`},
		{"sealing key too short", lines("AUTHLY_SEALING_KEY=c2hvcnQ="), `sealing_key: is not 32 random bytes in base64 or hexadecimal`},
		{"sealing key of zeros", lines("AUTHLY_SEALING_KEY=" + strings.Repeat("00", 32)), `sealing_key: is not 32 random bytes in base64 or hexadecimal`},
		{"additional authorities that aren't there", lines("AUTHLY_EGRESS_ADDITIONAL_CA_FILE=/nowhere/ca.pem"), `egress.additional_ca_file: the file "/nowhere/ca.pem" does not exist`},
		{"additional authorities that are none", lines("AUTHLY_EGRESS_ADDITIONAL_CA_FILE=" + key), `…has no certificate in PEM`},
		{"a switch that is neither", lines("AUTHLY_EGRESS_ALLOW_LOOPBACK=yes"), `egress.allow_loopback: "yes" is neither true nor false`},
		{"hosts with a scheme", lines("AUTHLY_EGRESS_ALLOWED_HOSTS=https://keys.example.com"), `egress.allowed_hosts: "https://keys.example.com" is not a list of hosts`},
		{"open registration without a scope", lines("AUTHLY_REGISTRATION_OPEN_SCOPES= "), `registration.open_scopes: " " is not a list of scopes`},
		{"open registration with commas and quotes", lines(`AUTHLY_REGISTRATION_OPEN_SCOPES=openid, "profile"`), `…is not a list of scopes`},
		{"registration for someone", lines("AUTHLY_REGISTRATION_MODE=on"), `registration.mode: "on" is not one of its values`},
		{"certificate without key", lines("AUTHLY_TLS_CERTIFICATE_FILE="+certificate, "AUTHLY_ISSUER=https://id.example.com"), `tls.key_file: is missing, but tls.certificate_file is given`},
		{"key without certificate", lines("AUTHLY_TLS_KEY_FILE="+key, "AUTHLY_ISSUER=https://id.example.com"), `tls.certificate_file: is missing, but tls.key_file is given`},
		{"certificate with a plain issuer", lines("AUTHLY_TLS_CERTIFICATE_FILE="+certificate, "AUTHLY_TLS_KEY_FILE="+key), `issuer: "http://localhost:8080" is plain http, but a certificate is given and the server speaks https only`},
		{"certificate that is none", lines("AUTHLY_TLS_CERTIFICATE_FILE="+key, "AUTHLY_TLS_KEY_FILE="+key, "AUTHLY_ISSUER=https://id.example.com"), `tls.certificate_file: is, with tls.key_file, not a certificate and its private key in PEM`},
		{"certificate that isn't there", lines("AUTHLY_TLS_CERTIFICATE_FILE=/nowhere/tls.crt", "AUTHLY_TLS_KEY_FILE="+key, "AUTHLY_ISSUER=https://id.example.com"), `tls.certificate_file: the file "/nowhere/tls.crt" does not exist`},
		{"empty variable", lines("AUTHLY_LOG_LEVEL="), `log.level: is set to nothing`},
		{"empty in the file", file("log:\n  level:\n"), `log.level: is set to nothing`},
		{"empty AUTHLY_CONFIG", lines("AUTHLY_CONFIG="), `AUTHLY_CONFIG: is set to nothing`},
		{"not a choice", lines("AUTHLY_LOG_LEVEL=loud"), `log.level: "loud" is not one of its values`},
		{"not a choice of RFC 7518", lines("AUTHLY_TOKENS_ACCESS_TOKEN_SIGNING_ALGORITHM=HS256"), `tokens.access_token_signing_algorithm: "HS256" is not one of its values`},
		{"not a duration", lines("AUTHLY_SESSIONS_LIFETIME=soon"), `sessions.lifetime: "soon" is not a duration`},
		{"a duration without a unit", lines("AUTHLY_SESSIONS_LIFETIME=3600"), `sessions.lifetime: "3600" is a number without a unit`},
		{"a duration without a unit in the file", file("sessions:\n  lifetime: 3600\n"), `sessions.lifetime: "3600" is a number without a unit`},
		{"a negative duration", lines("AUTHLY_TOKENS_REFRESH_TOKEN_REUSE_WINDOW=-1s"), `tokens.refresh_token_reuse_window: "-1s" is not a duration`},
		{"not a number", lines("AUTHLY_PASSWORDS_ITERATIONS=two"), `passwords.iterations: "two" is not a whole number`},
		{"not a whole number", file("passwords:\n  iterations: 2.5\n"), `passwords.iterations: "2.5" is not a whole number`},
		{"a number for text", file("listen: 8080\n"), `listen: "8080" is not a single value of text`},
		{"a section for text", file("issuer:\n  url: https://id.example.com\n"), `issuer: the value is not a single value of text`},
		{"text for a section", file("log: debug\n"), `log: is a section, not a value`},
		{"rfc7518-3.3 RSA keys that are too small", lines("AUTHLY_KEYS_RSA_BITS=1024"), `keys.rsa_bits: 1024 is not one of its values`},
		{"RSA keys of a size of its own", lines("AUTHLY_KEYS_RSA_BITS=3000"), `keys.rsa_bits: 3000 is not one of its values`},
		{"ID tokens with a secret", lines("AUTHLY_TOKENS_ID_TOKEN_SIGNING_ALGORITHM=HS256"), `tokens.id_token_signing_algorithm: "HS256" is not one of its values`},
		{"rfc6749-4.1.2 code lives too long", lines("AUTHLY_TOKENS_AUTHORIZATION_CODE_LIFETIME=61s"), `tokens.authorization_code_lifetime: 1m1s is out of bounds`},
		{"session beyond 30 days", lines("AUTHLY_SESSIONS_LIFETIME=31d"), `sessions.lifetime: 31d is out of bounds`},
		{"too little memory for passwords", lines("AUTHLY_PASSWORDS_MEMORY_KIB=8192"), `passwords.memory_kib: 8192 is out of bounds`},
		{"password shorter than recommended", lines("AUTHLY_PASSWORDS_MINIMUM_LENGTH=8"), `passwords.minimum_length: 8 is out of bounds`},
		{"shutdown too slow", lines("AUTHLY_SHUTDOWN_TIMEOUT=16s"), `shutdown_timeout: 16s is out of bounds`},
		{"idle longer than absolute", lines("AUTHLY_SESSIONS_IDLE_LIFETIME=8d"), `sessions.idle_lifetime: 8d is longer than sessions.lifetime, 7d`},
		{"refresh idle longer than absolute", lines("AUTHLY_TOKENS_REFRESH_TOKEN_IDLE_LIFETIME=91d"), `tokens.refresh_token_idle_lifetime: 91d is longer than tokens.refresh_token_lifetime, 90d`},
		{"next key published too early", lines("AUTHLY_KEYS_ROTATION_INTERVAL=1d"), `keys.publish_lead: 1d is not shorter than keys.rotation_interval, 1d`},
		{"one hash doesn't fit the pool", lines("AUTHLY_PASSWORDS_MEMORY_KIB=1048576"), `passwords.pool_memory_mib: 256 MiB is less than one hash takes, 1048576 KiB`},
		{"proxy that is none", lines("AUTHLY_TRUSTED_PROXIES=10.0.0.0/8,,"), `trusted_proxies: "10.0.0.0/8,," has an entry that is neither a network nor an address`},
		{"proxy network with host bits", lines("AUTHLY_TRUSTED_PROXIES=10.0.0.1/8"), `trusted_proxies: "10.0.0.1/8" has a network with address bits beyond its length`},
		{"unknown variable", lines("AUTHLY_ISUER=https://id.example.com"), `AUTHLY_ISUER: is an environment variable that is not a setting`},
		{"unknown key", file("isuer: https://id.example.com\n"), `isuer: is not a setting`},
		{"unknown key in a section", file("log:\n  volume: info\n"), `log.volume: is not a setting`},
		{"unknown section", file("logs:\n  level: info\n"), `logs.level: is not a setting`},
		{"dotted key", file("log.level: info\n"), `log.level: has a dot in a key`},
		{"twin of what is no secret", lines("AUTHLY_ISSUER_FILE=/x"), `AUTHLY_ISSUER_FILE: is an environment variable that is not a setting`},
		{"file that isn't there", LoadOptions{File: "/nowhere/authly.yaml"}, `configuration file: does not exist`},
		{"file of unknown format", LoadOptions{File: write(t, "authly.ini", "")}, `configuration file: has a name that ends neither in .yaml, .yml nor .toml`},
		{"file that is a directory", LoadOptions{File: makeDirectory(t, "a.yaml")}, `…configuration file: can't be read`},
		{"broken YAML", file("issuer: [\n"), `…configuration file: can't be understood at line`},
		{"YAML that isn't a map", file("- a\n"), `…configuration file: can't be understood`},
		{"YAML with a key twice", file("log:\n  level: info\n  level: warn\n"), `configuration file: can't be understood at line 3`},
		{"two YAML documents", file("log:\n  level: info\n---\nissuer: x\n"), `configuration file: can't be understood: it has more than one document, separated by ---`},
		{"broken TOML", LoadOptions{File: write(t, "a.toml", "issuer = \n")}, `configuration file: can't be understood at line 1, column 10`},
		{"large file", file(strings.Repeat("# comment\n", maxFileSize/10+1)), `configuration file: is larger than 1048576 bytes`},
		{"data directory is a file", lines("AUTHLY_DATA_DIRECTORY=" + key), `data_directory: "` + key + `" is not a directory`},
		{"data directory below a file", lines("AUTHLY_DATA_DIRECTORY=" + key + "/below"), `…data_directory: `},
	} {
		t.Run(test.name, func(t *testing.T) {
			problems := problemsOf(t, test.options)
			got := summary(problems)
			if part, ok := strings.CutPrefix(test.want, "…"); ok && strings.Contains(got, part) && len(problems) == 1 {
				return
			}
			if got != test.want {
				t.Errorf("problems:\n%s\nwant:\n%s", got, test.want)
			}
			for _, problem := range problems {
				if problem.Remedy == "" {
					t.Errorf("%s: nothing says what to do", problem.Setting)
				}
			}
		})
	}
}

func makeDirectory(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProblemsAreListedAtOnce(t *testing.T) {
	file := write(t, "authly.yaml", "log:\n  level: loud\nnonsense: 1\n")
	problems := problemsOf(t, LoadOptions{File: file, Environment: environment(t,
		"AUTHLY_ISSUER=http://id.example.com", "AUTHLY_DATABASE_URL="+somePG, "AUTHLY_TLS_KEY_FILE=/k.pem",
		"AUTHLY_REDIS_URL_FILE=/nowhere/redis", "AUTHLY_TYPO=1", "AUTHLY_SESSIONS_LIFETIME=year",
	), Flags: map[string]string{"listen": "nowhere"}})
	want := strings.TrimSpace(`
AUTHLY_TYPO: is an environment variable that is not a setting
nonsense: is not a setting
issuer: "http://id.example.com" can't be the issuer: it must be https, unless the host is 127.0.0.1, [::1] or localhost
listen: "nowhere" is not a host and a port
sealing_key: is missing: with PostgreSQL it must be given, so that it isn't kept beside what it protects and every instance has the same
redis.url: the file that it names does not exist
tls.certificate_file: is missing, but tls.key_file is given
log.level: "loud" is not one of its values
sessions.lifetime: "year" is not a duration`)
	if got := summary(problems); got != want {
		t.Errorf("problems:\n%s\nwant:\n%s", got, want)
	}
	text := problems.Error()
	for _, part := range []string{
		"there are 9 problems", "listen (flag --listen)", "log.level (file " + file + ")",
		"issuer (environment variable AUTHLY_ISSUER)", "redis.url (environment variable AUTHLY_REDIS_URL_FILE)",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the text has no %q:\n%s", part, text)
		}
	}
}

// TestValidateNeedsNoLoading is how a program that embeds the server checks a
// configuration that it made itself.
func TestValidateNeedsNoLoading(t *testing.T) {
	c := Default()
	c.Issuer, c.Log.Level, c.Tokens.AccessTokenLifetime = "", "", -time.Second
	c.Database.URL = secret.FromString(somePG)
	want := "issuer: has no value\nsealing_key: is missing: with PostgreSQL it must be given, so that it isn't kept beside what it protects and every instance has the same\nlog.level: \"\" is not one of its values\ntokens.access_token_lifetime: -1s is out of bounds"
	if got := summary(c.Validate()); got != want {
		t.Errorf("problems:\n%s\nwant:\n%s", got, want)
	}
	var zero Config
	if len(zero.Validate()) == 0 {
		t.Error("the zero value is valid")
	}
}

func TestSuggestions(t *testing.T) {
	for name, want := range map[string]string{
		"AUTHLY_ISUER": "AUTHLY_ISSUER", "AUTHLY_DATABASE_URI": "AUTHLY_DATABASE_URL",
		"AUTHLY_SEALING_KEYFILE": "AUTHLY_SEALING_KEY_FILE", "AUTHLY_PORT": "", "AUTHLY_XYZZY_PLUGH": "",
	} {
		problems := problemsOf(t, LoadOptions{Environment: environment(t, name+"=x")})
		if len(problems) != 1 {
			t.Fatalf("%s: %v", name, problems)
		}
		if got := problems[0].Remedy; want == "" && strings.Contains(got, "Did you mean") || !strings.Contains(got, want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// What tells the commands which server they work with is no mistake where one is started.
func TestVariablesOfCommands(t *testing.T) {
	t.Parallel()
	_, err := Load(LoadOptions{Environment: []string{
		"AUTHLY_SERVER=https://id.example", "AUTHLY_PROFILE=a", "AUTHLY_API=https://admin.example", "AUTHLY_CA_FILE=ca.pem", "AUTHLY_CREDENTIALS=file",
		"AUTHLY_TOKEN=t", "AUTHLY_CLIENT_ID=c", "AUTHLY_CLIENT_SECRET=s", "AUTHLY_CLIENT_SECRET_FILE=f",
	}})
	if err != nil {
		t.Error(err)
	}
	if _, err := Load(LoadOptions{Environment: []string{"AUTHLY_TOKENS=t"}}); err == nil {
		t.Error("a variable that nothing reads is taken")
	}
}

// TestKubernetesVariables: a service called authly must not keep a pod from starting.
func TestKubernetesVariables(t *testing.T) {
	load(t, LoadOptions{Environment: environment(t,
		"AUTHLY_SERVICE_HOST=10.0.0.1", "AUTHLY_SERVICE_PORT=8080", "AUTHLY_SERVICE_PORT_HTTP=8080", "AUTHLY_PORT=tcp://10.0.0.1:8080",
		"AUTHLY_PORT_8080_TCP=tcp://10.0.0.1:8080", "AUTHLY_PORT_8080_TCP_PROTO=tcp", "AUTHLY_PORT_8080_TCP_PORT=8080", "AUTHLY_PORT_8080_TCP_ADDR=10.0.0.1",
		"AUTHLY_POSTGRES_SERVICE_HOST=10.0.0.2", "AUTHLY_POSTGRES_PORT=tcp://10.0.0.2:5432",
	)})
	for _, line := range []string{"AUTHLY_PORT=8080", "AUTHLY_LISTEN_PORT=8080"} {
		if problems := problemsOf(t, LoadOptions{Environment: environment(t, line)}); len(problems) != 1 {
			t.Errorf("%s: %v", line, problems)
		}
	}
}

// TestSecretsNeverShow puts secrets into every place, right and wrong, and looks
// for them in everything that comes back.
func TestSecretsNeverShow(t *testing.T) {
	for name, options := range map[string]LoadOptions{
		"right":                  {Environment: environment(t, "AUTHLY_DATABASE_URL="+somePG, "AUTHLY_SEALING_KEY="+someKey, "AUTHLY_REDIS_URL="+someRedis)},
		"malformed URL":          {Environment: environment(t, "AUTHLY_DATABASE_URL=postgres://a:"+somePrivate+"%zz@h/d", "AUTHLY_REDIS_URL=x:"+somePrivate)},
		"key of the wrong size":  {Environment: environment(t, "AUTHLY_SEALING_KEY="+someKey+"AAAA")},
		"key for a path":         {Environment: environment(t, "AUTHLY_SEALING_KEY_FILE="+someKey)},
		"URL for a path":         {Environment: environment(t, "AUTHLY_DATABASE_URL_FILE="+somePG)},
		"in the wrong variables": {Environment: environment(t, "AUTHLY_ISSUER="+somePG, "AUTHLY_LISTEN="+someKey, "AUTHLY_DATA_DIRECTORY="+somePG, "AUTHLY_TLS_KEY_FILE="+someKey, "AUTHLY_TLS_CERTIFICATE_FILE=-----BEGIN PRIVATE KEY-----\n"+somePrivate, "AUTHLY_LOG_LEVEL=host=h password="+somePrivate, "AUTHLY_PASSWORDS_ITERATIONS="+someKey, "AUTHLY_TRUSTED_PROXIES="+somePG)},
		"in unknown variables":   {Environment: environment(t, "AUTHLY_DATABASE_PASSWORD="+somePrivate, "AUTHLY_KEY="+someKey)},
		"broken YAML":            {File: write(t, "a.yaml", "database:\n  url: \""+somePG+"\n")},
		"YAML of one text":       {File: write(t, "a.yaml", somePG)},
		"YAML with a typo":       {File: write(t, "a.yaml", "sealing_key: !!int "+someKey+"\n")},
		"YAML with an anchor":    {File: write(t, "a.yaml", "sealing_key: *"+somePrivate+"\n")},
		"YAML key":               {File: write(t, "a.yaml", "? "+somePG+"\n: 1\n? "+someKey+"\n: 2\n")},
		"YAML list":              {File: write(t, "a.yaml", "sealing_key: ["+someKey+"]\n")},
		"broken TOML":            {File: write(t, "a.toml", "sealing_key = "+someKey+"\n")},
		"TOML key":               {File: write(t, "a.toml", "'"+somePG+"' = 1\n")},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := Load(options)
			text := fmt.Sprintf("%v\n%+v\n%#v\n%s\n%v\n%q\n%v", err, loaded, loaded, loaded.YAML(), loaded.Settings(), loaded.Warnings(), loaded.Validate())
			for _, private := range []string{someKey[:12], somePrivate, "battery-staple"} {
				if strings.Contains(text, private) {
					t.Errorf("%q shows in:\n%s", private, text)
				}
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	certificate, key := selfSigned(t, "other.example.com")
	open := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	readable := write(t, "a.yaml", "sealing_key: "+someKey+"\n")
	if err := os.Chmod(readable, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		options LoadOptions
		want    string // a part of the one warning; "" for none
	}{
		{"defaults", LoadOptions{Environment: environment(t)}, ""},
		{"https behind a listed proxy", LoadOptions{Environment: environment(t, "AUTHLY_ISSUER=https://id.example.com", "AUTHLY_TRUSTED_PROXIES=10.0.0.0/8")}, ""},
		{"https behind nobody", LoadOptions{Environment: environment(t, "AUTHLY_ISSUER=https://id.example.com")}, "there must be a proxy in front"},
		{"database and Redis on this machine", LoadOptions{Environment: environment(t,
			"AUTHLY_DATABASE_URL=postgres://u:p@127.0.0.1/d", "AUTHLY_SEALING_KEY="+someKey, "AUTHLY_REDIS_URL=redis://localhost")}, ""},
		{"database and Redis on others, allowed", LoadOptions{Environment: environment(t,
			"AUTHLY_DATABASE_URL=postgres://u:p@db.example.com/d", "AUTHLY_SEALING_KEY="+someKey, "AUTHLY_DATABASE_ALLOW_PLAINTEXT=true",
			"AUTHLY_REDIS_URL=redis://cache.example.com", "AUTHLY_REDIS_ALLOW_PLAINTEXT=true")}, ""},
		{"https for other machines behind a listed proxy", LoadOptions{Environment: environment(t, "AUTHLY_LISTEN=:8080", "AUTHLY_ISSUER=https://id.example.com", "AUTHLY_TRUSTED_PROXIES=10.0.0.0/8")}, ""},
		{"https for other machines behind somebody", LoadOptions{Environment: environment(t, "AUTHLY_LISTEN=:8080", "AUTHLY_ISSUER=https://id.example.com", "AUTHLY_SERVER_ALLOW_PLAINTEXT=true")}, "there must be a proxy in front"},
		{"everybody is a proxy", LoadOptions{Environment: environment(t, "AUTHLY_TRUSTED_PROXIES=::/0")}, "::/0 trusts the forwarded headers of all addresses"},
		{"everybody administers", LoadOptions{Environment: environment(t, "AUTHLY_ADMIN_NETWORKS=0.0.0.0/0")}, "0.0.0.0/0 lets any machine"},
		{"nobody reaches the administration's own address", LoadOptions{Environment: environment(t,
			"AUTHLY_ADMIN_LISTEN=:8090", "AUTHLY_ISSUER=https://id.example.com", "AUTHLY_TRUSTED_PROXIES=10.0.0.0/8")}, "only this machine may administer"},
		{"somebody does", LoadOptions{Environment: environment(t,
			"AUTHLY_ADMIN_LISTEN=:8090", "AUTHLY_ADMIN_NETWORKS=10.0.0.0/8", "AUTHLY_ISSUER=https://id.example.com", "AUTHLY_TRUSTED_PROXIES=10.0.0.0/8")}, ""},
		{"certificate for another host", LoadOptions{Environment: environment(t, "AUTHLY_ISSUER=https://id.example.com", "AUTHLY_TLS_CERTIFICATE_FILE="+certificate, "AUTHLY_TLS_KEY_FILE="+key)}, "not for the host of the issuer"},
		{"issuer of another port", LoadOptions{Environment: environment(t, "AUTHLY_ISSUER=http://localhost:9999")}, "look for this server at port 9999, but it listens on port 8080"},
		{"open data directory", LoadOptions{Environment: []string{"AUTHLY_DATA_DIRECTORY=" + open}}, "can be entered by other users"},
		{"open file with a secret", LoadOptions{File: readable}, "can be read by other users"},
	} {
		t.Run(test.name, func(t *testing.T) {
			warnings := load(t, test.options).Warnings()
			if test.want == "" && len(warnings) > 0 || test.want != "" && (len(warnings) != 1 || !strings.Contains(warnings[0], test.want)) {
				t.Errorf("warnings: %q, want %q", warnings, test.want)
			}
		})
	}
}

// TestIssuerFollowsListen: one flag is enough to use another port of this machine.
func TestIssuerFollowsListen(t *testing.T) {
	for _, test := range []struct{ listen, issuer, want string }{
		{"127.0.0.1:9000", "", "http://localhost:9000"},
		{"[::1]:9000", "", "http://localhost:9000"},
		{"127.0.0.1:9000", "http://127.0.0.1:9000/tenant", "http://127.0.0.1:9000/tenant"},
		{"127.0.0.1:0", "", "http://localhost:8080"},
	} {
		flags := map[string]string{"listen": test.listen}
		if test.issuer != "" {
			flags["issuer"] = test.issuer
		}
		if got := load(t, LoadOptions{Flags: flags}).Issuer; got != test.want {
			t.Errorf("%s: issuer is %q, want %q", test.listen, got, test.want)
		}
	}
}

// TestDataDirectory: what can't be written is refused at start, but only if it would be.
func TestDataDirectory(t *testing.T) {
	parent := t.TempDir()
	directory := filepath.Join(parent, "not", "yet")
	load(t, LoadOptions{Environment: []string{"AUTHLY_DATA_DIRECTORY=" + directory}})
	if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
		t.Errorf("looking left something behind: %v, %v", entries, err)
	}
	const unwritable = "/proc/authly" // not even for root
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("needs a directory that not even root can write")
	}
	problems := problemsOf(t, LoadOptions{Environment: []string{"AUTHLY_DATA_DIRECTORY=" + unwritable}})
	if got, want := summary(problems), `data_directory: the directory "/proc" can't be written by this user`; got != want {
		t.Errorf("problems: %s, want %s", got, want)
	}
	load(t, LoadOptions{Environment: []string{"AUTHLY_DATA_DIRECTORY=" + unwritable, "AUTHLY_DATABASE_URL=" + somePG, "AUTHLY_SEALING_KEY=" + someKey}})
}
