// Package store keeps the state of one stage: a folder that belongs to one
// process at a time, holding one SQLite database, a mailbox and a few files.
//
// It owns the folder with its permissions, the lock, transactions and the
// order of migrations. It does not own any table but its own two: each room
// brings its tables as a list of [Migration] and writes its SQL by hand.
//
// # What survives
//
// Write returning nil means that the transaction is committed: it survives the
// end of this process by any means, kill -9 included. With the default
// durability a power cut may lose the last commits (never part of one, and
// never the database's integrity); [DurabilityFull] waits for the disk at each
// commit (https://sqlite.org/pragma.html#pragma_synchronous).
//
// # What is secret
//
// Everything: signing keys, password verifiers, root keys, codes. The folder
// has mode 0700 and every file in it 0600. On Windows the folder inherits the
// access list of the project's folder, which is the user's own inside a profile.
package store
