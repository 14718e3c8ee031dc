package ratelimit

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"authly/internal/platform/loopback"
	"authly/internal/platform/secret"
)

const (
	redisPrefix = "authly:rate_limit:"

	// A login waits for Redis for no longer than this before the database is asked.
	redisDialTimeout = 500 * time.Millisecond
	redisTimeout     = 250 * time.Millisecond
)

// Redis keeps attempts in Redis: one key each, which expires by itself.
type Redis struct {
	client *redis.Client
	script *redis.Script
}

// reserveScript is policy.Rate's Reserve, run by Redis as one step. A Lua number
// keeps whole microseconds exactly until the year 2255 (2^53).
const reserveScript = `
local now, interval, latest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local arrival = tonumber(redis.call('GET', KEYS[1]) or '0')
if arrival > latest then
  return {0, string.format('%.0f', arrival)}
end
if arrival < now then
  arrival = now
end
arrival = arrival + interval
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', string.format('%.0f', math.ceil((arrival - now) / 1000) + tonumber(ARGV[4])))
return {1, string.format('%.0f', arrival)}`

// RedisOptions say how Redis is reached.
type RedisOptions struct {
	// URL is redis://…, rediss://… or unix://….
	URL secret.Redacted
	// Roots are the certificate authorities of a rediss:// server; the system's if nil.
	Roots *x509.CertPool
	// AllowPlaintext lets the URL name another machine without TLS that verifies it;
	// otherwise OpenRedis refuses it.
	AllowPlaintext bool
}

// errRedisURL hides the driver's error, which may quote the password.
var errRedisURL = errors.New("the URL is not of the form redis://user:password@host:port/database")

// OpenRedis returns a store on Redis, which is not contacted yet. Close must be
// called. The error does not contain the URL.
func OpenRedis(config RedisOptions) (*Redis, error) {
	options, err := redis.ParseURL(config.URL.Reveal())
	if err != nil {
		return nil, fmt.Errorf("open Redis: %w", errRedisURL)
	}
	if host := unverifiedHost(options); host != "" && !config.AllowPlaintext {
		return nil, fmt.Errorf("open Redis: %s would be reached without verified TLS: use a rediss:// URL (and redis.ca_file for an authority of your own), "+
			"or set redis.allow_plaintext only for a private network", host)
	}
	if options.TLSConfig != nil {
		options.TLSConfig.RootCAs = config.Roots
	}
	options.ContextTimeoutEnabled = true
	options.DialTimeout = redisDialTimeout
	options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = redisTimeout, redisTimeout, redisTimeout
	// No automatic retries: an attempt whose answer was lost may have been counted.
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &Redis{client: redis.NewClient(options), script: redis.NewScript(reserveScript)}, nil
}

// UnverifiedHost returns the remote host that this Redis URL reaches without TLS, or
// with TLS that accepts any certificate, and "" if there is none. The error doesn't
// repeat the URL.
func UnverifiedHost(url secret.Redacted) (string, error) {
	options, err := redis.ParseURL(url.Reveal())
	if err != nil {
		return "", errRedisURL
	}
	return unverifiedHost(options), nil
}

func unverifiedHost(options *redis.Options) string {
	if options.Network == "unix" || options.TLSConfig != nil && !options.TLSConfig.InsecureSkipVerify {
		return ""
	}
	host, _, err := net.SplitHostPort(options.Addr)
	if err != nil {
		return options.Addr
	}
	if loopback.IsHost(host) {
		return ""
	}
	return host
}

// Ping returns an error if Redis can't be reached.
func (r *Redis) Ping(ctx context.Context) error { return r.client.Ping(ctx).Err() }

// Close closes all connections.
func (r *Redis) Close() error { return r.client.Close() }

// Reserve implements [Store].
func (r *Redis) Reserve(ctx context.Context, key Key, rate Rate, now time.Time) (Decision, error) {
	if err := validate(rate); err != nil {
		return Decision{}, err
	}
	now = now.Truncate(time.Microsecond)
	latest := now.Add(rate.Period() - rate.Interval)
	answer, err := r.script.Run(ctx, r.client, []string{redisKey(key)},
		now.UnixMicro(), rate.Interval.Microseconds(), latest.UnixMicro(), ClockSkew.Milliseconds()).Int64Slice()
	if err != nil {
		return Decision{}, fmt.Errorf("reserve an attempt in Redis: %w", err)
	}
	if len(answer) != 2 {
		return Decision{}, fmt.Errorf("reserve an attempt in Redis: it answered with %d values", len(answer))
	}
	if answer[0] == 1 {
		return Decision{Allowed: true}, nil
	}
	return refused(rate, time.UnixMicro(answer[1]), now), nil
}

// Reset implements [Store].
func (r *Redis) Reset(ctx context.Context, key Key) error {
	if err := r.client.Del(ctx, redisKey(key)).Err(); err != nil {
		return fmt.Errorf("forget attempts in Redis: %w", err)
	}
	return nil
}

func redisKey(key Key) string { return redisPrefix + base64.RawURLEncoding.EncodeToString(key[:]) }
