package authly

import _ "embed" // the description

//go:embed internal/admin/testdata/openapi.golden.json
var administration []byte

// AdministrationDescription returns the OpenAPI 3.1 description of the administration over
// HTTP, as a server with the issuer https://id.example serves it. A test holds that it is
// what the operations really are.
func AdministrationDescription() []byte { return append([]byte(nil), administration...) }
