// Command authly is an OAuth 2.1 and OpenID Connect authorization server.
// `authly --help` lists its commands; `authly config docs` describes its settings.
package main
