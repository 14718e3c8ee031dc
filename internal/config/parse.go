package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"authly/internal/platform/secret"
)

// The reasons why a value can't be read. None repeats the value: the caller
// knows whether it may be shown.
var (
	errDuration  = errors.New("is not a duration")
	errInteger   = errors.New("is not a whole number")
	errSwitch    = errors.New("is neither true nor false")
	errNoUnit    = errors.New("is a number without a unit")
	errNetwork   = errors.New("has an entry that is neither a network nor an address")
	errHostBits  = errors.New("has a network with address bits beyond its length")
	errManyParts = errors.New("has too many entries")
	errKind      = errors.New("is not a single value of text")
)

const (
	maxNetworks       = 256
	maxDurationLength = 64
)

var dayCount = regexp.MustCompile(`^([0-9]{1,6})d(.*)$`)

// ParseDuration reads a duration in the form of all settings: 90d, 1d12h, 10m.
func ParseDuration(text string) (time.Duration, error) { return parseDuration(text) }

// parseDuration reads a Go duration that may begin with days: 90d, 1d12h, 10m.
// It is never negative.
func parseDuration(text string) (time.Duration, error) {
	if len(text) > maxDurationLength {
		return 0, errDuration
	}
	var days time.Duration
	if match := dayCount.FindStringSubmatch(text); match != nil {
		count, err := strconv.Atoi(match[1])
		if err != nil || int64(count) > math.MaxInt64/int64(day) {
			return 0, errDuration
		}
		days = time.Duration(count) * day
		if text = match[2]; text == "" {
			return days, nil
		}
	}
	rest, err := time.ParseDuration(text)
	if _, bare := strconv.ParseFloat(text, 64); err != nil && bare == nil {
		return 0, errNoUnit
	}
	if err != nil || strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") || rest > math.MaxInt64-days {
		return 0, errDuration
	}
	return days + rest, nil
}

// FormatDuration writes a duration as [ParseDuration] reads it.
func FormatDuration(d time.Duration) string { return formatDuration(d) }

// formatDuration is the inverse of parseDuration, in the shortest form that
// people read easily: 90d, 10m, 1d12h.
func formatDuration(d time.Duration) string {
	if d <= 0 {
		return d.String()
	}
	text := ""
	if d >= 2*day || d%day == 0 {
		text = fmt.Sprintf("%dd", d/day)
		if d %= day; d == 0 {
			return text
		}
	}
	rest := d.String()
	if strings.HasSuffix(rest, "m0s") {
		rest = strings.TrimSuffix(rest, "0s")
	}
	if strings.HasSuffix(rest, "h0m") {
		rest = strings.TrimSuffix(rest, "0m")
	}
	return text + rest
}

// parseNetworks reads networks and single addresses, separated by commas.
func parseNetworks(text string) ([]netip.Prefix, error) {
	parts := strings.Split(text, ",")
	if len(parts) > maxNetworks {
		return nil, errManyParts
	}
	networks := make([]netip.Prefix, 0, len(parts))
	for _, part := range parts {
		network, err := parseNetwork(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	}
	return networks, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" {
			return netip.Prefix{}, errNetwork
		}
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || network.Addr().Is4In6() {
		return netip.Prefix{}, errNetwork
	}
	if network != network.Masked() {
		return netip.Prefix{}, errHostBits
	}
	return network, nil
}

func formatNetworks(networks []netip.Prefix) string {
	texts := make([]string, len(networks))
	for i, network := range networks {
		texts[i] = network.String()
		if network.IsSingleIP() {
			texts[i] = network.Addr().String()
		}
	}
	return strings.Join(texts, ", ")
}

// assign reads a value from a file, a variable or a flag into the field at target.
func assign(target, value any) error {
	switch field := target.(type) {
	case *[]netip.Prefix:
		text, err := listText(value)
		if err != nil {
			return err
		}
		if text == "" { // an empty list in a file
			*field = nil
			return nil
		}
		return parseInto(field, text, parseNetworks)
	case *int:
		if text, ok := value.(string); ok {
			return parseInto(field, text, parseInteger)
		}
		number, ok := wholeNumber(value)
		if !ok {
			return errInteger
		}
		*field = number
		return nil
	case *bool:
		if text, ok := value.(string); ok {
			return parseInto(field, text, parseSwitch)
		}
		position, ok := value.(bool)
		if !ok {
			return errSwitch
		}
		*field = position
		return nil
	case *time.Duration:
		if text, ok := value.(string); ok {
			return parseInto(field, text, parseDuration)
		}
		if number, ok := wholeNumber(value); ok && number == 0 {
			*field = 0
			return nil
		} else if ok {
			return errNoUnit
		}
		return errDuration
	}
	text, ok := value.(string)
	if !ok {
		return errKind
	}
	switch field := target.(type) {
	case *string:
		*field = text
	case *secret.Redacted:
		*field = secret.FromString(text)
	default:
		panic(fmt.Sprintf("config: no way to read a %T", target))
	}
	return nil
}

func parseInto[T any](field *T, text string, parse func(string) (T, error)) error {
	value, err := parse(text)
	if err == nil {
		*field = value
	}
	return err
}

func parseInteger(text string) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil {
		return 0, errInteger
	}
	return number, nil
}

// parseSwitch reads the two words that YAML and TOML have, and no others: guessing
// the meaning of "1" or "on" is error-prone.
func parseSwitch(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, errSwitch
	}
}

// wholeNumber accepts the types in which the parsers of files give integers.
func wholeNumber(value any) (int, bool) {
	switch number := value.(type) {
	case int:
		return number, true
	case int64:
		return int(number), true
	default:
		return 0, false
	}
}

// listText converts a list of texts from a file into the form of a variable.
func listText(value any) (string, error) {
	if text, ok := value.(string); ok {
		return text, nil
	}
	entries, ok := value.([]any)
	if !ok {
		return "", errKind
	}
	if len(entries) > maxNetworks {
		return "", errManyParts
	}
	texts := make([]string, len(entries))
	for i, entry := range entries {
		text, ok := entry.(string)
		if !ok || strings.Contains(text, ",") {
			return "", errNetwork
		}
		texts[i] = text
	}
	return strings.Join(texts, ","), nil
}

// valueText returns the value of an option as it would be written, "" for
// none. It must not be called for a secret, which it would print redacted.
func (o option) valueText(c *Config) string {
	switch field := o.field(c).(type) {
	case *string:
		return *field
	case *int:
		return strconv.Itoa(*field)
	case *bool:
		return strconv.FormatBool(*field)
	case *time.Duration:
		return formatDuration(*field)
	case *[]netip.Prefix:
		return formatNetworks(*field)
	case *secret.Redacted:
		if field.IsZero() {
			return ""
		}
		return field.String()
	default:
		panic(fmt.Sprintf("config: no way to write a %T", field))
	}
}
