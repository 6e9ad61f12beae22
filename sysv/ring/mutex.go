package ring

import (
	"context"

	"example.com/sysvipc/sysv/lock"
)

// A mutex is one between processes. Lock says whether its owner has died, until
// somebody has called Repaired. The exploration has none, and number instead.
type mutex struct {
	*lock.Mutex
	number uint32
	doing  string // what is done under it
}

func (m *mutex) explored() bool { return exploring && m.Mutex == nil }

func (m *mutex) lock(ctx context.Context) (abandoned bool, err error) {
	if m.explored() {
		return each(locks, nil, 0, m.number) == gotAbandoned, nil
	}
	if abandoned, err = m.Lock(ctx); err != nil {
		err = m.inVain(err)
	}
	return abandoned, err
}

func (m *mutex) inVain(err error) error {
	return inVain(err, func() string {
		return "another process that is " + m.doing + " is stopped or slow, unless the context was over before"
	})
}

// enter is lock, of what is whole whoever dies.
func (m *mutex) enter(ctx context.Context) error {
	abandoned, err := m.lock(ctx)
	if abandoned {
		err = m.repaired()
	}
	return err
}

func (m *mutex) tryLock() (ok, abandoned bool, err error) {
	if m.explored() {
		got := each(tries, nil, 0, m.number)
		return got != gotNothing, got == gotAbandoned, nil
	}
	return m.TryLock()
}

func (m *mutex) unlock() error {
	if m.explored() {
		each(unlocks, nil, 0, m.number)
		return nil
	}
	return m.Unlock()
}

func (m *mutex) repaired() error {
	if m.explored() {
		each(repairs, nil, 0, m.number)
		return nil
	}
	return m.Repaired()
}
