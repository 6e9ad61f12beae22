//go:build !race

package lock

const race = false

func acquired(*Mutex)  {}
func releasing(*Mutex) {}
