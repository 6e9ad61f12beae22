// Package bench is what locks, waits and records cost on this machine, and the chart of
// that.
package bench
