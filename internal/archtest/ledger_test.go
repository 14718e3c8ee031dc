package archtest

import (
	"os"
	"testing"

	"authly/internal/testx/rules"
)

// ledger records which rules of the catalogue the tests of this package held.
var ledger = rules.For(rules.Source)

func TestMain(m *testing.M) { os.Exit(ledger.Run(m)) }
