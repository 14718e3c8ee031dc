// Package buildinfo tells which program is running, from what the Go toolchain
// wrote into it. No value is set by the linker, so that every way to build it
// gives the same answer.
package buildinfo
