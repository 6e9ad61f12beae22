package msg

// MaxBytesOf returns what Send and SetPerm take for a queue's MaxBytes.
func MaxBytesOf(id int) (uint64, error) { return qbytes(id) }
