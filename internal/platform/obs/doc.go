// Package obs sets up the log.
package obs
