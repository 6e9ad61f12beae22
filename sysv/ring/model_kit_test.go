//go:build sysvipc_steps

package ring

import "example.com/sysvipc/sysv/event"

func eventSeen(n uint32) event.Seen { return event.Seen(n) }
