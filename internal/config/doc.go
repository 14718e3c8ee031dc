// Package config has the configuration of the server as one struct tree, loaded
// in layers of which a later one wins: defaults, a YAML or TOML file, environment
// variables, flags.
//
// Every option is described once, in the table of options.go: loading, checking,
// the texts of problems, `config print` and the reference in docs/configuration.md
// all come from it. A secret can also be given as the path of a file that holds
// it (AUTHLY_SEALING_KEY_FILE for AUTHLY_SEALING_KEY, sealing_key_file in the file).
//
// It fails closed: an unknown setting, a value out of bounds or a combination
// that isn't safe is a [Problem], and [Load] returns all of them at once. What is
// doubtful but may be meant is a warning, see [Config.Warnings]. No text made here
// holds the value of a secret.
//
// The reference is made anew by `go generate`.
//
// It reads the files of secrets and of TLS and looks whether the data directory
// can be written, but opens no database and makes no key.
package config

//go:generate go test -run ^TestReferenceIsCurrent$ -update .
