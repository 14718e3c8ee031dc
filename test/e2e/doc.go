// Package e2e signs people in with a real browser and a real relying party.
package e2e
