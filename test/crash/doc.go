// Package crash runs the program as a process, kills it, and looks at what it
// left behind.
package crash
