package archtest

import (
	"cmp"
	"slices"
)

// checks are all rules; the name of a rule is in what it reports.
var checks = []func(*tree) []violation{
	checkRings,
	checkLayers,
	checkPurity,
	checkTables,
	checkPackageComments,
	checkLength,
	checkGoMod,
	checkInit,
	checkVariables,
	checkClock,
	checkHashes,
	checkSignatures,
	checkStoredContext,
	checkConstructors,
	checkRequestHost,
	checkSecrets,
	checkPresentation,
}

// check returns everything that is wrong with a tree, by place.
func check(t *tree) []violation {
	var found []violation
	for _, one := range checks {
		found = append(found, one(t)...)
	}
	slices.SortFunc(found, func(a, b violation) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.line, b.line), cmp.Compare(a.rule, b.rule), cmp.Compare(a.subject, b.subject))
	})
	return found
}
