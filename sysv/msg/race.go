package msg

import "example.com/sysvipc/sysv/internal/race"

// What the race detector is told, see package race. Who receives comes after those
// who sent; and as a queue may have been full, who sends comes after those who
// received.

func (q *Queue) sending()   { race.Release(race.MsgSent, q.id, 0) }
func (q *Queue) sent()      { race.Acquire(race.MsgReceived, q.id, 0) }
func (q *Queue) receiving() { race.Release(race.MsgReceived, q.id, 0) }
func (q *Queue) received()  { race.Acquire(race.MsgSent, q.id, 0) }
