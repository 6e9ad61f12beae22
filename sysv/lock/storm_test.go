//go:build linux && !android

package lock_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// An end is how a process of the storm ends.
type end string

const (
	asHolder   end = "holder"   // in the middle of an entry
	asWaiter   end = "waiter"   // in the kernel, or when it has just been woken
	asJoiner   end = "joiner"   // while it joins and leaves again and again
	asUnlocker end = "unlocker" // in Unlock, or right after it
	anywhere   end = "random"
	asSurvivor end = "survivor" // by itself
)

var deadlyEnds = []end{asHolder, asWaiter, asJoiner, asUnlocker, anywhere}

// Under the first mutexes nobody dies but where it is known whether he has the
// mutex: the test knows how many owners died. The other mutexes are for deaths
// at any moment.
const exact = 2

// atOnce is how many victims there are at once.
const atOnce = 8

// A victim is a process of the storm.
type victim struct {
	participant
	id int // of the group
	r  *rand.Rand
}

var victims = sysvtest.Helper("victim", func(args []string) error {
	go endWithTheTest()
	v, err := newVictim(args[1:])
	if err != nil {
		return err
	}
	for range v.r.IntN(20) {
		if err := v.round(bg, v.r.IntN(accountCount), v.dawdle); err != nil {
			return err
		}
	}
	switch end(args[0]) {
	case asHolder:
		return v.endAsHolder()
	case asWaiter:
		return v.endAsWaiter()
	case asJoiner:
		return v.endAsJoiner()
	case asUnlocker:
		return v.endAsUnlocker()
	case anywhere:
		return v.endAnywhere()
	case asSurvivor:
		return v.survive(func() error { return v.anything(v.r.IntN(accountCount)) })
	}
	return v.endBesideRWMutexes(end(args[0]))
})

// endWithTheTest is for processes that might hang: their input ends when the
// test does.
func endWithTheTest() {
	io.Copy(io.Discard, os.Stdin)
	os.Exit(3)
}

func newVictim(args []string) (*victim, error) {
	var n [4]int
	for i, arg := range args {
		var err error
		if n[i], err = strconv.Atoi(arg); err != nil {
			return nil, err
		}
	}
	l, err := openLedger(n[1])
	if err != nil {
		return nil, err
	}
	v := &victim{participant{ledger: l, seat: n[2]}, n[0], rand.New(rand.NewPCG(uint64(n[3]), 0))}
	v.lazy = func() bool { return v.r.IntN(4) == 0 }
	return v, v.join()
}

func (v *victim) join() (err error) {
	v.does(isJoining)
	v.group, err = lock.OpenID(bg, v.id, nil)
	v.does(isOutside)
	return err
}

func (v *victim) joinAgain() error {
	v.does(isJoining)
	if err := v.group.Close(); err != nil {
		return err
	}
	return v.join()
}

func (v *victim) inexact() int { return exact + v.r.IntN(accountCount-exact) }

// dawdle passes a moment in which others may come to wait.
func (v *victim) dawdle(int) { passTime(time.Duration(v.r.IntN(3000))) }

// passTime passes what is too short to be slept.
func passTime(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
	}
}

// company gives others time to wait for a mutex in the kernel.
func (v *victim) company(i int) {
	for range v.r.IntN(20) {
		if st, err := v.group.Stat(); err != nil || st.Mutexes[i].Waiters > 0 {
			return
		}
		time.Sleep(20 * time.Microsecond)
	}
}

// doom has this process killed within a time from now.
func (v *victim) doom(longest time.Duration) {
	var ready, now atomic.Bool
	d := time.Duration(v.r.Int64N(int64(longest)))
	go func() {
		ready.Store(true)
		for !now.Load() {
		}
		passTime(d)
		die()
	}()
	for !ready.Load() {
		time.Sleep(10 * time.Microsecond)
	}
	now.Store(true)
}

func (v *victim) endAsHolder() (err error) {
	for i, last := v.r.IntN(accountCount), v.r.IntN(4); err == nil; {
		err = v.round(bg, i, func(n int) {
			if n == last {
				v.company(i)
				die()
			}
		})
	}
	return err
}

// endAsWaiter waits for a mutex that the test has taken. If the test gives it
// back before it kills, there is more to do.
func (v *victim) endAsWaiter() error {
	gate := &v.seats[v.seat].gate
	gate.Store(isReady)
	for gate.Load() == isReady {
		time.Sleep(50 * time.Microsecond)
	}
	for i := int(gate.Load() - mayWaitFor); ; {
		if err := v.round(bg, i, v.dawdle); err != nil {
			return err
		}
	}
}

func (v *victim) endAsJoiner() error {
	v.doom(400 * time.Microsecond)
	for {
		if err := v.joinAgain(); err != nil {
			return err
		}
		if err := v.round(bg, v.inexact(), v.dawdle); err != nil {
			return err
		}
	}
}

func (v *victim) endAsUnlocker() error {
	i := v.r.IntN(accountCount)
	err := v.round(bg, i, func(n int) {
		if n < 3 {
			return
		}
		v.company(i)
		if i >= exact && v.r.IntN(2) == 0 {
			v.doom(20 * time.Microsecond)
		}
	})
	if err == nil {
		die()
	}
	return err
}

func (v *victim) endAnywhere() error {
	v.doom(3 * time.Millisecond)
	for {
		if err := v.anything(v.inexact()); err != nil {
			return err
		}
	}
}

// anything uses a mutex in one way or another.
func (v *victim) anything(i int) error {
	switch v.r.IntN(12) {
	case 0:
		v.does(isLocking.of(i))
		ok, abandoned, err := v.group.Mutex(i).TryLock()
		if !ok {
			v.does(isOutside)
			return err
		}
		return v.inside(i, abandoned, v.dawdle)
	case 1:
		ctx, cancel := context.WithTimeout(bg, time.Duration(v.r.IntN(100_000)))
		defer cancel()
		err := v.round(ctx, i, v.dawdle)
		if err == context.DeadlineExceeded {
			return nil
		}
		return err
	case 2:
		return v.joinAgain()
	}
	return v.round(bg, i, v.dawdle)
}

// survive does a lot when all others are there, too. It adds no tokens by a
// death: a wakeup that is lost is missed.
func (v *victim) survive(something func() error) error {
	v.seats[v.seat].gate.Store(isReady)
	for k := range atOnce {
		for v.seats[k].gate.Load() != isReady {
			time.Sleep(50 * time.Microsecond)
		}
	}
	for range storm.Amount(1000, 20_000) {
		if err := something(); err != nil {
			return err
		}
	}
	return v.group.Close()
}

// What a gate says: nothing, that the process is ready to wait, or for which
// mutex it is to wait.
const (
	isReady = 1 + iota
	mayWaitFor
)

// A lockStorm is the test's part of it.
type lockStorm struct {
	*testing.T
	ctx      context.Context
	ledger   *ledger
	ledgerID int
	group    *lock.Group
	stdin    *os.File
	own      [accountCount]sync.Mutex // one goroutine of the test has this of the group's

	mu    sync.Mutex
	kills map[end]int
	died  [accountCount + sharedCount]deaths
}

// deaths under a mutex, by what is known of them.
type deaths struct{ owning, locking, unlocking uint32 }

// Processes that are killed at any moment, and those that take over from them,
// never lose an entry or wait for what nobody gives them. SYSVIPC_STORM=full
// makes it long.
func TestKillStorm(t *testing.T) {
	r := storm.Random(t)
	kills := storm.Amount(30, 5000)
	s := newStorm(t)
	begin := time.Now()
	s.all(func(lives chan<- life) {
		for range kills {
			lives <- life{deadlyEnds[r.IntN(len(deadlyEnds))], r.Int32()}
		}
	})
	took := time.Since(begin)
	s.all(func(lives chan<- life) {
		for range atOnce {
			lives <- life{asSurvivor, r.Int32()}
		}
	})
	takeovers, lost := s.wantAllWell()
	t.Logf("lock storm: %d SIGKILLs (%d holders, %d waiters, %d joiners, %d unlockers, %d random) in %.1f s, %d takeovers, %d lost updates",
		kills, s.kills[asHolder], s.kills[asWaiter], s.kills[asJoiner], s.kills[asUnlocker], s.kills[anywhere], took.Seconds(), takeovers, lost)
	wantGone(t, s.group)
}

func newStorm(t *testing.T) *lockStorm {
	t.Helper()
	s := &lockStorm{T: t, kills: make(map[end]int)}
	// As many places as processes: one that is lost is missed.
	var err error
	s.group, err = lock.Create(bg, sysv.Private, accountCount, &lock.Config{Processes: atOnce + 1, RWMutexes: sharedCount})
	kit.Must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			s.group.Remove()
		}
	})
	s.ledgerID, s.ledger = newLedger(t)
	stdin, alive, err := os.Pipe()
	kit.Must(t, err)
	s.stdin = stdin
	t.Cleanup(func() { stdin.Close(); alive.Close() })
	return s
}

// A life is that of one victim.
type life struct {
	end  end
	seed int32
}

// all has victims live these lives, a crowd of them at a time.
func (s *lockStorm) all(give func(chan<- life)) {
	s.Helper()
	ctx, fail := context.WithCancelCause(s.Context())
	defer fail(nil)
	s.ctx = ctx
	lives := make(chan life)
	var seats sync.WaitGroup
	for seat := range atOnce {
		seats.Go(func() {
			for l := range lives {
				if ctx.Err() != nil {
					continue
				}
				if err := s.live(seat, l); err != nil {
					fail(fmt.Errorf("%s of seed %d: %w", l.end, l.seed, err))
				}
			}
		})
	}
	give(lives)
	close(lives)
	seats.Wait()
	if ctx.Err() != nil {
		st, err := s.group.Stat()
		s.Fatalf("%v\n%+v %v", context.Cause(ctx), st, err)
	}
}

// live has a victim live a life, and end as it should.
func (s *lockStorm) live(seat int, l life) error {
	at := &s.ledger.seats[seat]
	at.gate.Store(0)
	p, err := s.start(l, seat)
	if err != nil {
		return err
	}
	defer p.kill()
	killed := false
	if l.end == asWaiter {
		if killed, err = s.killWaiter(p, seat, l.seed); err != nil {
			return err
		}
	}
	if err := s.await(p, "its end", p.ended); err != nil {
		return err
	}
	if l.end == asSurvivor || l.end == asRWSurvivor {
		return p.err
	}
	if !p.killed() {
		return fmt.Errorf("it was to be killed: %v", p.err)
	}
	return s.count(l.end, killed, doing(at.doing.Swap(uint32(isOutside))))
}

// count notes a death. A waiter that was killed while the test had the mutex had
// not got it.
func (s *lockStorm) count(e end, waiting bool, d doing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kills[e]++
	died := &s.died[d.mutex()]
	switch {
	case waiting && d.what() != isLocking:
		return fmt.Errorf("a waiter died where it does %d", d)
	case waiting:
	case d.what() == isLocking:
		died.locking++
	case d.what() == isHolding:
		died.owning++
	case d.what() == isUnlocking:
		died.unlocking++
	}
	return nil
}

// killWaiter takes a mutex, has the victim wait for it, and kills it: before it
// unlocks, while it waits for sure, or after that.
func (s *lockStorm) killWaiter(p *process, seat int, seed int32) (waiting bool, err error) {
	if err := s.await(p, "ready to wait", func() bool { return s.ledger.seats[seat].gate.Load() == isReady }); err != nil {
		return false, err
	}
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	i := r.IntN(accountCount)
	waiting = i < exact || r.IntN(2) == 0
	s.own[i].Lock()
	defer s.own[i].Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, kit.Patience)
	defer cancel()
	m := &participant{ledger: s.ledger, group: s.group, seat: atOnce + seat}
	var waits error
	err = m.round(ctx, i, func(n int) {
		if n < 3 {
			return
		}
		s.ledger.seats[seat].gate.Store(mayWaitFor + uint32(i))
		waits = s.await(p, "waiting", func() bool { return s.allWait(seat, i) })
		if waiting {
			p.kill()
		}
	})
	passTime(time.Duration(r.IntN(100_000)))
	p.kill()
	return waiting, errors.Join(waits, err)
}

// allWait tells whether all victims that want a mutex, and this one, are in the
// kernel. The test has the mutex: they stay there.
func (s *lockStorm) allWait(seat, i int) bool {
	st, err := s.group.Stat()
	if err != nil {
		return false
	}
	wanted := 0
	for k := range atOnce {
		if doing(s.ledger.seats[k].doing.Load()) == isLocking.of(i) {
			wanted++
		}
	}
	return doing(s.ledger.seats[seat].doing.Load()) == isLocking.of(i) && st.Mutexes[i].Waiters == wanted
}

// process is a victim as the test sees it. There are too many for
// sysvtest.Start, which keeps them all until the test ends.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // once done
}

func (s *lockStorm) start(l life, seat int) (*process, error) {
	var args []string
	for _, n := range []int{s.group.ID(), s.ledgerID, seat, int(l.seed)} {
		args = append(args, strconv.Itoa(n))
	}
	p := &process{cmd: sysvtest.Command(victims, append([]string{string(l.end)}, args...)...), done: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stderr = s.stdin, os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

// kill ends it and waits until it is gone.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) killed() bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// await waits for something to come true of a victim, which must not end before.
func (s *lockStorm) await(p *process, what string, cond func() bool) error {
	for end := time.Now().Add(kit.Patience); !cond(); {
		if time.Now().After(end) {
			return fmt.Errorf("never: %s", what)
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-p.done:
			if !cond() {
				return fmt.Errorf("it ended before: %s: %v", what, p.err)
			}
		case <-time.After(100 * time.Microsecond):
		}
	}
	return nil
}

// wantAllWell checks what is left when all have died.
func (s *lockStorm) wantAllWell() (takeovers, lost int) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), kit.Patience)
	defer cancel()
	m := &participant{ledger: s.ledger, group: s.group, seat: atOnce}
	for i := range accountCount {
		kit.Must(s.T, m.round(ctx, i, func(int) {}))
	}
	st, err := s.group.Stat()
	kit.Must(s.T, err)
	for i := range accountCount {
		total, sum := s.ledger.accounts[i].total.Load(), s.ledger.sum(i)
		if total != sum {
			s.Errorf("account %d: %d, want %d", i, total, sum)
		}
		takeovers += st.Mutexes[i].Recoveries
		lost += int(sum) - int(total)
		s.wantTakeovers(i, st.Mutexes[i])
	}
	s.wantFewTokens(st)
	return takeovers, lost
}

// wantFewTokens checks that the dead do not pile up tokens: who comes leaves one
// of them, and after the last who came no more have died than there were.
func (s *lockStorm) wantFewTokens(st lock.Stat) {
	s.Helper()
	set, err := sem.OpenID(st.SetID)
	kit.Must(s.T, err)
	values, err := set.Values()
	kit.Must(s.T, err)
	for i, tokens := range values[1+st.Processes:] {
		if tokens > 1+atOnce {
			s.Errorf("mutex %d has %d tokens, want %d at most", i, tokens, 1+atOnce)
		}
	}
}

// wantTakeovers checks that each owner that died was taken over from, and nobody
// else. Who takes over may die before he has said so, or even before the group
// counts it.
func (s *lockStorm) wantTakeovers(i int, st lock.MutexStat) {
	s.Helper()
	if st.Held || st.Abandoned || st.Waiters != 0 {
		s.Errorf("mutex %d in the end: %+v", i, st)
	}
	died, said, counted := s.died[i], s.ledger.accounts[i].takeovers.Load(), uint32(st.Recoveries)
	if i < exact && (died.locking != 0 || died.unlocking != 0) {
		s.Errorf("mutex %d: %+v, where nobody is to die like that", i, died)
	}
	if said > counted || counted > said+died.locking+died.unlocking {
		s.Errorf("mutex %d: %d takeovers, of which %d were said; %+v", i, counted, said, died)
	}
	if counted > died.owning+died.locking+died.unlocking || counted+died.locking < died.owning {
		s.Errorf("mutex %d: %d takeovers, but %+v", i, counted, died)
	}
}
