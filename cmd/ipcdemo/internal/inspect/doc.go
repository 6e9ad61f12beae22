// Package inspect is what there is in this IPC namespace and who uses it.
package inspect
