// Package messages is sending from producers to consumers, through a message queue or a
// ring: the ledger of who sent and got what, and the verdict on it.
package messages
