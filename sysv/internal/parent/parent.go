// Package parent is how a process hands objects on to its children: a variable of the
// environment for each, which says the kind of the object and its id, and a name where
// there are several of a kind.
package parent

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// A Kind is one of objects, and the variable of those that have no name.
type Kind string

const (
	Segment Kind = "SYSVIPC_SEGMENT"
	Group   Kind = "SYSVIPC_GROUP"
	Queue   Kind = "SYSVIPC_QUEUE"
	Latest  Kind = "SYSVIPC_LATEST"
	Feed    Kind = "SYSVIPC_FEED"
)

// Env is the variable of an object, with its value.
func (k Kind) Env(id int, name ...string) string { return fmt.Sprintf("%s=%d", k.variable(name), id) }

// ID is that of the object that the parent of this process has handed on.
func (k Kind) ID(name ...string) (int, error) {
	variable := k.variable(name)
	value, ok := os.LookupEnv(variable)
	if !ok {
		return -1, fmt.Errorf("no parent hands one on: %s is not set: %w", variable, fs.ErrNotExist)
	}
	id, err := strconv.Atoi(value)
	if err != nil {
		return -1, fmt.Errorf("%s=%q is no id", variable, value)
	}
	return id, nil
}

func (k Kind) variable(name []string) string {
	return strings.Join(append([]string{string(k)}, name...), "_")
}
