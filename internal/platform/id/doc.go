// Package id generates the identifiers of stored records: UUIDs of
// version 7 (RFC 9562 section 5.7). They sort by creation time, so that an
// index grows at its end. They identify and are never secrets; a handle that
// gives access to something comes from package secret.
package id
