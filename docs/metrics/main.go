// Metrics tells Prometheus what System V objects take up, and how much there can be,
// in the IPC namespace that it runs in.
package main

import (
	"errors"
	"fmt"
	"log"
	"net/http"

	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

func main() {
	http.HandleFunc("/metrics", metrics)
	log.Fatal(http.ListenAndServe("localhost:9477", nil))
}

func metrics(w http.ResponseWriter, _ *http.Request) {
	memory, err1 := shm.Usage()
	memoryMax, err2 := shm.Limits()
	sets, err3 := sem.Usage()
	setsMax, err4 := sem.Limits()
	queues, err5 := msg.Usage()
	queuesMax, err6 := msg.Limits()
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	for _, m := range []struct {
		name, help string
		value      uint64
	}{
		{"segments", "Shared memory segments", uint64(memory.Segments)},
		{"segments_max", "kernel.shmmni", memoryMax.ShmMNI},
		{"segment_pages", "Pages of all segments", memory.Pages},
		{"segment_pages_max", "kernel.shmall", memoryMax.ShmAll},
		{"segment_pages_resident", "Of these, pages in memory", memory.Resident},
		{"segment_pages_swapped", "Of these, pages in swap", memory.Swapped},
		{"semaphore_sets", "Semaphore sets", uint64(sets.Sets)},
		{"semaphore_sets_max", "kernel.sem, its 4th number", uint64(setsMax.SemMNI)},
		{"semaphores", "Semaphores of all sets", uint64(sets.Semaphores)},
		{"semaphores_max", "kernel.sem, its 2nd number", uint64(setsMax.SemMNS)},
		{"queues", "Message queues", uint64(queues.Queues)},
		{"queues_max", "kernel.msgmni", uint64(queuesMax.MsgMNI)},
		{"messages", "Messages in all queues", uint64(queues.Messages)},
		{"message_bytes", "Bytes of all messages", uint64(queues.Bytes)},
	} {
		fmt.Fprintf(w, "# HELP sysvipc_%s %s.\n# TYPE sysvipc_%[1]s gauge\nsysvipc_%[1]s %[3]d\n", m.name, m.help, m.value)
	}
}
