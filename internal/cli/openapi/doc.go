// Package openapi reads what the server says of its administration (OpenAPI 3.1), as far as
// commands and files are made of it.
//
// Not here: what OpenAPI has and this server doesn't use, and whether an answer is as described.
package openapi
