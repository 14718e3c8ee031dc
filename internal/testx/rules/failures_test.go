package rules_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"authly/internal/testx/rules"
)

// Each failure that is known from elsewhere has a rule, and each of its rules is in a list: those of
// the catalogue fail the run of their package if no test holds them, the others once their
// feature is there.
func TestEveryFailureHasARule(t *testing.T) {
	t.Parallel()
	var held, waiting []string
	for _, list := range rules.Catalogue() {
		held = append(held, list...)
	}
	for _, feature := range rules.Waiting() {
		waiting = append(waiting, feature.Rules...)
	}
	for _, rule := range waiting {
		if slices.Contains(held, rule) {
			t.Errorf("%q is held and waits", rule)
		}
	}
	identifier := regexp.MustCompile(`^(CVE-[0-9]{4}-[0-9]{4,}|GHSA(-[0-9a-z]{4}){3}|GO-[0-9]{4}-[0-9]{4})$`)
	seen := map[string]string{}
	for _, failure := range rules.Failures() {
		if failure.What == "" || len(failure.Known) == 0 || len(failure.Rules) == 0 {
			t.Errorf("%q has %d identifiers and %d rules", failure.What, len(failure.Known), len(failure.Rules))
		}
		for _, known := range failure.Known {
			if other, twice := seen[known]; twice || !identifier.MatchString(known) {
				t.Errorf("%s of %q: no identifier, or that of %q too", known, failure.What, other)
			}
			seen[known] = failure.What
		}
		for _, rule := range failure.Rules {
			if !slices.Contains(held, rule) && !slices.Contains(waiting, rule) {
				t.Errorf("%q of %q is in no list", rule, failure.What)
			}
		}
	}
}

// groups are the kinds of attacks that have to have rules, by how the names of those begin.
func groups() []string {
	return []string{
		"redirect: ", "codes: ", "refresh: ", "jose: ", "dpop: ", "egress: ", "flows: ", "device: ", "account: ", "access: ", "clients: ", "output: ", "bounds: ",
		"proxy: ", "operation: ", "metadata: ", "trap-",
	}
}

// Each rule is of a group, and each group has rules.
func TestEveryRuleIsOfAGroup(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	sort := func(list []string) {
		for _, rule := range list {
			at := slices.IndexFunc(groups(), func(group string) bool { return strings.HasPrefix(rule, group) })
			if at < 0 {
				t.Errorf("%q is of no group", rule)
				continue
			}
			count[groups()[at]]++
		}
	}
	for _, list := range rules.Catalogue() {
		sort(list)
	}
	for _, feature := range rules.Waiting() {
		sort(feature.Rules)
	}
	for _, group := range groups() {
		if count[group] == 0 {
			t.Errorf("the group %q has no rules", group)
		}
	}
}
