// Package api is for the test that shows each change of what importers see.
package api
