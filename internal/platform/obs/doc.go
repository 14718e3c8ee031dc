// Package obs sets up how the program can be observed: its log.
package obs
