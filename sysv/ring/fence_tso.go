//go:build amd64 || 386 || s390x

package ring

// fence has plain loads before it done before atomic loads that come after it. Processors
// of these kinds do all loads in their order (Intel SDM volume 3, 8.2.2; z/Architecture
// Principles of Operation, chapter 5), and the compiler does none after an
// atomic load that comes before it.
func fence() {}
