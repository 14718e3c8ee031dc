// Package config has the configuration of the server as one struct tree, loaded
// in layers, of which later ones override earlier ones: defaults, a YAML or TOML file, environment
// variables, flags.
//
// Every option is described once, in the table of options.go: loading, checking,
// the texts of problems, `config print` and the reference in docs/configuration.md
// are based on it. A secret can also be given as the path of a file that contains
// it (AUTHLY_SEALING_KEY_FILE for AUTHLY_SEALING_KEY, sealing_key_file in the file).
//
// It fails closed: an unknown setting, a value out of bounds or an unsafe combination
// is a [Problem], and [Load] returns all of them at once. Doubtful but valid settings
// are warnings, see [Config.Warnings]. No text made here
// contains the value of a secret.
//
// `go generate` regenerates the reference.
//
// It reads the files of secrets and of TLS and checks that the data directory
// is writable, but opens no database and creates no key.
package config

//go:generate go test -run ^TestReferenceIsCurrent$ -update .
