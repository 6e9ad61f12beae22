//go:build !race

package event

const race = false

func acquired(*Count)  {}
func releasing(*Count) {}
