package sem

import (
	"fmt"
	"strings"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
)

// createHint explains an errno of semget that means several things, by what
// the limits and their use are now. See ERRORS in semget(2).
func createHint(errno sys.Errno, n int) string {
	l, err := Limits()
	if err != nil {
		return ""
	}
	u, err := Usage()
	if err != nil {
		return ""
	}
	switch {
	case errno == sys.EINVAL && n > l.SemMSL:
		return fmt.Sprintf("%d semaphores, a set has at most %d (SEMMSL, 1st number of kernel.sem)", n, l.SemMSL)
	case errno == sys.ENOSPC && u.Sets >= l.SemMNI:
		return fmt.Sprintf("%d of %d sets in use (SEMMNI, 4th number of kernel.sem)", u.Sets, l.SemMNI)
	case errno == sys.ENOSPC:
		return fmt.Sprintf("%d semaphores asked for, %d of %d in use (SEMMNS, 2nd number of kernel.sem)", n, u.Semaphores, l.SemMNS)
	}
	return ""
}

// opHint explains an errno of semop with n operations. See ERRORS in semop(2).
func opHint(errno sys.Errno, n int) string {
	switch errno {
	case sys.E2BIG:
		if l, err := Limits(); err == nil {
			return fmt.Sprintf("%d operations, %d at most (SEMOPM, 3rd number of kernel.sem)", n, l.SemOPM)
		}
	case sys.ERANGE:
		return fmt.Sprintf("a value would pass %d (SEMVMX), or what this process has to undo would (SEMAEM)", sys.SEMVMX)
	case sys.ENOSPC, sys.ENOMEM:
		return "no memory for what there is to undo"
	}
	return ""
}

// endedBefore is the hint where there was no wait.
const endedBefore = "that was so before, and nothing was tried"

// ended is the error of a call whose context ended with err.
func (s *Set) ended(err error, hint string) error {
	return &sysv.Error{Op: "semop", Key: s.key, ID: s.id, Err: err, Hint: hint}
}

// waitedFor says what the kernel waited for with ops: adding never waits.
func waitedFor(ops []Op) string {
	const enough = 4
	var what []string
	for i := range ops {
		switch op := &ops[i]; {
		case len(what) == enough:
			return "waited " + strings.Join(what, ", ") + " and for more"
		case op.Delta < 0:
			what = append(what, fmt.Sprintf("to take %d from semaphore %d", -op.Delta, op.Num))
		case op.Delta == 0:
			what = append(what, fmt.Sprintf("for semaphore %d to be 0", op.Num))
		}
	}
	return "waited " + strings.Join(what, ", ")
}

// rangeHint tells which of the two ERANGE stands for, by what the values are
// now. Nobody can ask the kernel what there is to undo.
func (s *Set) rangeHint(ops []Op) string {
	values, err := s.Values()
	if err != nil {
		return opHint(sys.ERANGE, len(ops))
	}
	undo := false
	for i := range ops {
		op := &ops[i]
		if values[op.Num]+op.Delta > sys.SEMVMX {
			return fmt.Sprintf("semaphore %d has %d, and %d more would pass %d (SEMVMX, fixed in the kernel)", op.Num, values[op.Num], op.Delta, sys.SEMVMX)
		}
		values[op.Num] += op.Delta
		undo = undo || op.Flags&Undo != 0
	}
	if undo {
		return fmt.Sprintf("what this process has to undo would pass %d (SEMAEM, fixed in the kernel)", sys.SEMVMX)
	}
	return opHint(sys.ERANGE, len(ops))
}
