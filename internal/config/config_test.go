package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"authly/internal/platform/secret"
)

const (
	someKey     = "vU1q4x8Q0mC2o0m5m1o3l0dL1b8a5lJ6a4Yb1mZ2c3E="
	somePG      = "postgres://authly:correct-horse@db.example.com/authly?sslmode=verify-full"
	someRedis   = "rediss://:battery-staple@cache.example.com:6379/0"
	somePrivate = "correct-horse"
)

// write makes a file for its owner only and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// environment returns lines with a data directory of the test's own before them.
func environment(t *testing.T, lines ...string) []string {
	t.Helper()
	directory := t.TempDir()
	if err := os.Chmod(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	return append([]string{"PATH=/bin", "AUTHLY_DATA_DIRECTORY=" + directory}, lines...)
}

func load(t *testing.T, options LoadOptions) Config {
	t.Helper()
	if options.Environment == nil {
		options.Environment = environment(t)
	}
	loaded, err := Load(options)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestDefaultsAreValid(t *testing.T) {
	if problems := Default().Validate(); len(problems) > 0 {
		t.Error(problems)
	}
	dev := Default()
	dev.Dev = true
	if problems := dev.Validate(); len(problems) > 0 {
		t.Error(problems)
	}
	got := Default()
	want := Config{
		Issuer: "http://localhost:8080", Listen: "127.0.0.1:8080", DataDirectory: "./authly-data",
		Log: Log{Level: "info", Format: "auto"},
		Tokens: Tokens{
			AccessTokenLifetime: 10 * time.Minute, IDTokenLifetime: 10 * time.Minute,
			RefreshTokenIdleLifetime: 14 * day, RefreshTokenLifetime: 90 * day,
			RefreshTokenReuseWindow: 30 * time.Second, RefreshTokenRepetitions: 3, AuthorizationCodeLifetime: time.Minute,
			AccessTokenSigningAlgorithm: "ES256", IDTokenSigningAlgorithm: "RS256",
		},
		Sessions:        Sessions{IdleLifetime: day, Lifetime: 7 * day, InteractionLifetime: time.Hour, MaximumPerAccount: 50},
		Passwords:       Passwords{MemoryKiB: 19456, Iterations: 2, Parallelism: 1, PoolMemoryMiB: 256, MinimumLength: 15},
		Server:          Server{MaxConnections: 4096, MaxConnectionsPerAddress: 512},
		Throttle:        Throttle{AccountBurst: 10, AccountInterval: 30 * time.Second, AddressBurst: 50, AddressInterval: 2 * time.Second, BegunBurst: 20000, BegunInterval: 20 * time.Millisecond},
		Keys:            Keys{RotationInterval: 90 * day, PublishLead: day, RetainRetired: 60 * day, RSABits: 3072},
		Registration:    Registration{Mode: "off", OpenScopes: "openid profile email offline_access", OpenUnusedLifetime: 7 * day, OpenBurst: 20, OpenInterval: time.Minute},
		Admin:           Admin{Enabled: true, FreshSignIn: 15 * time.Minute, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
		Audit:           Audit{Retention: 400 * day, Tokens: true},
		ShutdownTimeout: 15 * time.Second,
	}
	ignore := cmp.FilterPath(func(p cmp.Path) bool {
		return strings.HasSuffix(p.String(), "origins") || strings.HasSuffix(p.String(), "warnings")
	}, cmp.Ignore())
	if difference := cmp.Diff(want, got, ignore, cmp.Comparer(secret.Redacted.Equal), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); difference != "" {
		t.Errorf("defaults (-want +got):\n%s", difference)
	}
}

// TestTableCoversConfig holds the table and the struct together: every exported
// field has exactly one option, in one way of naming.
func TestTableCoversConfig(t *testing.T) {
	var c Config
	fields := map[any]string{}
	var walk func(value reflect.Value, path string)
	walk = func(value reflect.Value, path string) {
		for i := range value.NumField() {
			field, kind := value.Field(i), value.Type().Field(i)
			if !kind.IsExported() || kind.Name == "Dev" {
				continue
			}
			name := strings.TrimPrefix(path+"."+kind.Name, ".")
			if kind.Type.Kind() == reflect.Struct && kind.Type.PkgPath() == reflect.TypeFor[Config]().PkgPath() {
				walk(field, name)
				continue
			}
			fields[field.Addr().Interface()] = name
		}
	}
	walk(reflect.ValueOf(&c).Elem(), "")

	seen := map[string]bool{}
	for _, o := range table {
		pointer := o.field(&c)
		field, ok := fields[pointer]
		if !ok {
			t.Errorf("%s: its field is no field of Config, or has another option already", o.name)
		}
		delete(fields, pointer)
		letters := strings.NewReplacer(".", "", "_", "")
		if got, want := strings.ToLower(strings.ReplaceAll(field, ".", "")), letters.Replace(o.name); got != want {
			t.Errorf("%s is the field %s", o.name, field)
		}
		if seen[variable(o.name)] {
			t.Errorf("%s: there is another variable %s", o.name, variable(o.name))
		}
		seen[variable(o.name)] = true
		if o.secret() {
			seen[variable(o.name+fileSuffix)] = true
		}
		if !strings.HasSuffix(o.description, ".") || strings.Contains(o.description, "|") {
			t.Errorf("%s: the description isn't a sentence that fits a table", o.name)
		}
		if (o.standard == "") == (o.none == "") {
			t.Errorf("%s: needs a default, or what having none means, and not both", o.name)
		}
		if standard := Default(); o.standard != "" && o.valueText(&standard) != o.standard {
			t.Errorf("%s: the default isn't written as it is printed, %s", o.name, o.valueText(&standard))
		}
		if o.secret() && (o.flag != "" || o.standard != "") {
			t.Errorf("%s: a secret has neither a flag nor a default", o.name)
		}
		switch pointer.(type) {
		case *int, *time.Duration:
			if len(o.choices) == 0 && o.bounds.most <= o.bounds.least {
				t.Errorf("%s: has no bounds", o.name)
			}
		}
		if _, ok := sectionIntroductions[o.section()]; !ok {
			t.Errorf("%s: its section has no introduction", o.name)
		}
	}
	for _, field := range fields {
		t.Errorf("the field %s has no option", field)
	}
	sections := make([]string, 0, len(table))
	for _, o := range table {
		sections = append(sections, o.section())
	}
	if got := slices.Compact(slices.Clone(sections)); len(got) != len(sectionIntroductions) {
		t.Errorf("the sections don't stand together in the table: %q", got)
	}
}

// TestKeysOutliveTokens: no value within the bounds lets a token outlive the key
// in the JWKS that proves it.
func TestKeysOutliveTokens(t *testing.T) {
	retained, _ := find("keys.retain_retired")
	for _, name := range []string{"tokens.access_token_lifetime", "tokens.id_token_lifetime"} {
		token, _ := find(name)
		if token.bounds.most > retained.bounds.least {
			t.Errorf("%s may be longer than keys.retain_retired", name)
		}
	}
}

func TestPrecedence(t *testing.T) {
	yaml := "issuer: https://file.example.com\nlisten: 127.0.0.1:1001\ntrusted_proxies: [127.0.0.1]\nlog:\n  level: warn\ntokens:\n  access_token_lifetime: 3m\n"
	toml := "issuer = 'https://file.example.com'\nlisten = '127.0.0.1:1001'\ntrusted_proxies = ['127.0.0.1']\n[log]\nlevel = 'warn'\n[tokens]\naccess_token_lifetime = '3m'\n"
	files := map[string]string{"none": "", "yaml": write(t, "authly.yaml", yaml), "toml": write(t, "authly.toml", toml), "yml": write(t, "a.YML", yaml)}
	for _, test := range []struct {
		name    string
		file    string
		lines   []string
		flags   map[string]string
		setting string
		want    string
		origin  string
	}{
		{name: "default", file: "none", setting: "log.level", want: "info", origin: "default"},
		{name: "YAML over default", file: "yaml", setting: "log.level", want: "warn", origin: "file " + files["yaml"]},
		{name: "TOML over default", file: "toml", setting: "log.level", want: "warn", origin: "file " + files["toml"]},
		{name: "extension in any case", file: "yml", setting: "log.level", want: "warn", origin: "file " + files["yml"]},
		{name: "duration in YAML", file: "yaml", setting: "tokens.access_token_lifetime", want: "3m", origin: "file " + files["yaml"]},
		{name: "duration in TOML", file: "toml", setting: "tokens.access_token_lifetime", want: "3m", origin: "file " + files["toml"]},
		{name: "list in YAML", file: "yaml", setting: "trusted_proxies", want: "127.0.0.1", origin: "file " + files["yaml"]},
		{name: "list in TOML", file: "toml", setting: "trusted_proxies", want: "127.0.0.1", origin: "file " + files["toml"]},
		{name: "variable over default", file: "none", lines: []string{"AUTHLY_LOG_LEVEL=error"}, setting: "log.level", want: "error", origin: "environment variable AUTHLY_LOG_LEVEL"},
		{name: "variable over file", file: "yaml", lines: []string{"AUTHLY_LOG_LEVEL=error"}, setting: "log.level", want: "error", origin: "environment variable AUTHLY_LOG_LEVEL"},
		{name: "list variable over file", file: "yaml", lines: []string{"AUTHLY_TRUSTED_PROXIES=10.0.0.0/8, ::1"}, setting: "trusted_proxies", want: "10.0.0.0/8, ::1", origin: "environment variable AUTHLY_TRUSTED_PROXIES"},
		{name: "flag over default", file: "none", flags: map[string]string{"log.level": "debug"}, setting: "log.level", want: "debug", origin: "flag --log-level"},
		{name: "flag over file", file: "yaml", flags: map[string]string{"log.level": "debug"}, setting: "log.level", want: "debug", origin: "flag --log-level"},
		{name: "flag over variable", file: "yaml", lines: []string{"AUTHLY_LOG_LEVEL=error"}, flags: map[string]string{"log.level": "debug"}, setting: "log.level", want: "debug", origin: "flag --log-level"},
		{name: "one layer leaves the others alone", file: "yaml", lines: []string{"AUTHLY_LOG_LEVEL=error"}, setting: "issuer", want: "https://file.example.com", origin: "file " + files["yaml"]},
	} {
		t.Run(test.name, func(t *testing.T) {
			loaded := load(t, LoadOptions{File: files[test.file], Environment: environment(t, test.lines...), Flags: test.flags})
			o, _ := find(test.setting)
			if got := o.valueText(&loaded); got != test.want {
				t.Errorf("%s is %q, want %q", test.setting, got, test.want)
			}
			if got := loaded.Origin(test.setting); got != test.origin {
				t.Errorf("origin is %q, want %q", got, test.origin)
			}
		})
	}
	t.Run("AUTHLY_CONFIG names the file", func(t *testing.T) {
		loaded := load(t, LoadOptions{Environment: environment(t, "AUTHLY_CONFIG="+files["yaml"])})
		if loaded.Issuer != "https://file.example.com" {
			t.Errorf("issuer is %q", loaded.Issuer)
		}
	})
	t.Run("--config over AUTHLY_CONFIG", func(t *testing.T) {
		loaded := load(t, LoadOptions{File: files["toml"], Environment: environment(t, "AUTHLY_CONFIG=/nowhere.yaml")})
		if loaded.Origin("issuer") != "file "+files["toml"] {
			t.Errorf("issuer is from %q", loaded.Origin("issuer"))
		}
	})
}

// TestEverySettingFromEverywhere gives each option a value other than its default
// in each layer that can have it.
func TestEverySettingFromEverywhere(t *testing.T) {
	other := map[string]string{
		"issuer": "https://id.example.com/tenant", "listen": "[::1]:9000", "data_directory": t.TempDir(),
		"sealing_key": someKey, "trusted_proxies": "10.0.0.0/8, 192.0.2.1", "shutdown_timeout": "5s",
		"database.url": somePG, "database.max_connections": "7", "redis.url": someRedis,
		"server.max_connections": "100", "server.max_connections_per_address": "10", "server.allow_plaintext": "true", "headers.hsts_include_subdomains": "true", "headers.csp_report_uri": "https://reports.example.com/csp", "database.allow_plaintext": "true", "redis.allow_plaintext": "true",
		"log.level": "debug", "log.format": "json",
		"tokens.access_token_lifetime": "5m", "tokens.id_token_lifetime": "1h", "tokens.refresh_token_idle_lifetime": "7d",
		"tokens.refresh_token_lifetime": "60d", "tokens.refresh_token_reuse_window": "0s", "tokens.refresh_token_repetitions": "0", "tokens.authorization_code_lifetime": "30s",
		"tokens.access_token_signing_algorithm": "RS256", "tokens.id_token_signing_algorithm": "PS256", "tokens.allow_weak_encryption": "true",
		"sessions.idle_lifetime": "12h", "sessions.lifetime": "3d", "sessions.interaction_lifetime": "30m", "sessions.maximum_per_account": "20",
		"passwords.memory_kib": "65536", "passwords.iterations": "3", "passwords.parallelism": "2", "passwords.pool_memory_mib": "512", "passwords.minimum_length": "20",
		"throttle.account_burst": "5", "throttle.account_interval": "1m", "throttle.address_burst": "20", "throttle.address_interval": "1.5s", "throttle.begun_burst": "500", "throttle.begun_interval": "1s",
		"keys.rotation_interval": "30d", "keys.publish_lead": "2d", "keys.retain_retired": "90d", "keys.rsa_bits": "4096",
		"egress.allow_loopback": "true", "egress.allowed_hosts": "keys.example.com *.partner.example", "requests.request_uri": "true", "logout.session_management": "true", "audit.retention": "0s", "audit.tokens": "false",
		"registration.mode": "open", "registration.open_scopes": "openid", "registration.open_unused_lifetime": "1d",
		"registration.open_burst": "5", "registration.open_interval": "1h",
		"admin.enabled": "false", "admin.listen": "127.0.0.1:9001", "admin.networks": "10.0.0.0/8", "admin.fresh_sign_in": "5m",
		"admin.username": "root", "admin.email": "root@example.com", "admin.password": "seven green bicycles",
	}
	certificate, key := selfSigned(t, "id.example.com")
	other["egress.additional_ca_file"], other["redis.ca_file"] = certificate, certificate
	other["tls.certificate_file"], other["tls.key_file"] = certificate, key

	yaml, variables := map[string][]string{}, []string{}
	standard := Default()
	for _, o := range table {
		value, ok := other[o.name]
		if !ok || value == o.valueText(&standard) {
			t.Fatalf("%s: the test needs another value", o.name)
		}
		line := strings.TrimPrefix(o.name, o.section()+".") + ": '" + value + "'"
		yaml[o.section()] = append(yaml[o.section()], line)
		variables = append(variables, variable(o.name)+"="+value)
	}
	text := strings.Join(yaml[""], "\n") + "\n"
	delete(yaml, "")
	for section, lines := range yaml {
		text += section + ":\n  " + strings.Join(lines, "\n  ") + "\n"
	}
	for name, options := range map[string]LoadOptions{
		"file":      {File: write(t, "all.yaml", text), Environment: []string{}},
		"variables": {Environment: variables},
	} {
		t.Run(name, func(t *testing.T) {
			loaded := load(t, options)
			for _, o := range table {
				got := o.valueText(&loaded)
				if field, ok := o.field(&loaded).(*secret.Redacted); ok {
					got = field.Reveal()
				}
				if got != other[o.name] {
					t.Errorf("%s is %q, want %q", o.name, got, other[o.name])
				}
				if loaded.Origin(o.name) == "default" {
					t.Errorf("%s has no origin", o.name)
				}
			}
		})
	}
}

func problemsOf(t *testing.T, options LoadOptions) Problems {
	t.Helper()
	if options.Environment == nil {
		options.Environment = environment(t)
	}
	_, err := Load(options)
	problems, ok := err.(Problems) //nolint:errorlint // the type is what is tested
	if err != nil && !ok {
		t.Fatalf("the error is a %T", err)
	}
	return problems
}

func TestTrustedProxies(t *testing.T) {
	loaded := load(t, LoadOptions{Environment: environment(t, "AUTHLY_TRUSTED_PROXIES=10.0.0.0/8,192.0.2.1 , 2001:db8::/32,::ffff:192.0.2.2")})
	want := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"),
		netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("192.0.2.2/32"),
	}
	if !slices.Equal(loaded.TrustedProxies, want) {
		t.Errorf("got %v", loaded.TrustedProxies)
	}
	empty := load(t, LoadOptions{File: write(t, "a.yaml", "trusted_proxies: []\n")})
	if empty.TrustedProxies != nil {
		t.Errorf("got %v", empty.TrustedProxies)
	}
}
